import type { ChildProcess, StdioOptions } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Disposable } from '../../../base/disposable.ts';
import type { ChannelAddress } from './command-line.ts';

/**
 * Byte streams between us and a QEMU that is about to start. `inherited`: sockets that only the child can reach,
 * without a name on disk or a port. `tcp` where children inherit no sockets (Windows): a port on loopback each, open
 * until QEMU has connected.
 */
export interface Channels extends Disposable {
  readonly addresses: readonly ChannelAddress[];
  /** For `spawn`'s `stdio`, from descriptor 4 on. */
  readonly stdio: readonly 'pipe'[];
  /** Our ends, in order; with `tcp`, waits until QEMU has connected. */
  connect(child: ChildProcess): Promise<Duplex[]>;
}

const FIRST_FD = 4;

export async function openChannels(count: number, how: 'inherited' | 'tcp'): Promise<Channels> {
  return how === 'inherited' ? inheritedChannels(count) : tcpChannels(count);
}

/** The whole `stdio` of a guarded QEMU: its errors and the channels. Descriptor 3 is the watchdog's. */
export function stdioOf(channels: Channels, stdin: 'ignore' | 'pipe'): StdioOptions {
  return [stdin, 'ignore', 'pipe', 'ignore', ...channels.stdio];
}

function inheritedChannels(count: number): Channels {
  const indexes = Array.from({ length: count }, (_, i) => i);
  return {
    addresses: indexes.map((i) => ({ kind: 'fd', fd: FIRST_FD + i })),
    stdio: indexes.map(() => 'pipe'),
    connect: async (child) =>
      indexes.map((i) => {
        // Node makes these "pipes" from socket pairs: both directions work, and QEMU takes them as sockets.
        const stream: unknown = child.stdio[FIRST_FD + i];
        if (!(stream instanceof Duplex)) throw new TypeError(`the child has no descriptor ${FIRST_FD + i}`);
        return stream;
      }),
    dispose: () => {},
  };
}

async function tcpChannels(count: number): Promise<Channels> {
  const doors = await Promise.all(Array.from({ length: count }, openDoor));
  const dispose = () => {
    for (const { server } of doors) server.close();
  };
  return {
    addresses: doors.map(({ port }) => ({ kind: 'tcp', port })),
    stdio: [],
    connect: () => Promise.all(doors.map(({ connection }) => connection)),
    dispose,
  };
}

interface Door {
  readonly server: Server;
  readonly port: number;
  readonly connection: Promise<Socket>;
}

/** Lets exactly one connection in. */
function openDoor(): Promise<Door> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true });
    const connection = new Promise<Socket>((connected) => {
      server.once('connection', (socket) => {
        server.close();
        connected(socket);
      });
    });
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new TypeError('no TCP port'));
      else resolve({ server, port: address.port, connection });
    });
  });
}
