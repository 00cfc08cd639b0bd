import type { FastifyInstance } from 'fastify';
import type { WebSocket } from 'ws';
import type { LiveMessage } from '../contract/lab.ts';
import type { LabControl } from '../lab/lab-control.ts';

/** A window that reads slower than this is cut off; it reconnects and reads the state anew. */
const MAX_BUFFERED_BYTES = 4 << 20;

/** `/live`: first every PC as it is, then each change as it happens. */
export function liveRoute(lab: LabControl) {
  return async (server: FastifyInstance): Promise<void> => {
    server.get('/live', { websocket: true }, (socket: WebSocket) => {
      const send = (message: LiveMessage) => {
        if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.close(1013, 'too slow');
        else socket.send(JSON.stringify(message));
      };
      const subscription = lab.onChange.on((pc) => send({ type: 'pc', pc }));
      for (const pc of lab.pcs()) send({ type: 'pc', pc });
      socket.on('error', () => socket.terminate());
      socket.on('close', () => void subscription.dispose());
    });
  };
}
