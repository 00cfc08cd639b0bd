import { createSocket } from 'node:dgram';
import type { Duplex } from 'node:stream';
import { type Disposable, Disposables } from '../../../base/disposable.ts';
import type { Fabric } from '../../switch/port.ts';
import { connectStreamCable } from '../../switch/stream-cable.ts';
import { connectUdpCable } from '../../switch/udp-cable.ts';
import type { PcSpec } from '../pc.ts';
import type { ChannelAddress, NicBackend } from './command-line.ts';

/** The cables of a PC that is about to start. Disposing unplugs them. */
export interface Cabling extends Disposable {
  /** One for each NIC, for the command line. */
  readonly backends: readonly NicBackend[];
  /** Connects the streams that carry frames, once QEMU is there; UDP cables are connected already. */
  plugIn(streams: readonly Duplex[]): void;
}

/** Prepares a cable for each NIC. `channels` are the addresses of the frame streams, in order of the NICs. */
export async function cableUp(
  fabric: Fabric,
  spec: PcSpec,
  cable: 'stream' | 'dgram',
  channels: readonly ChannelAddress[],
): Promise<Cabling> {
  const cables = new Disposables();
  const portName = (index: number) => (spec.nics.length > 1 ? `${spec.name}/${index}` : spec.name);
  if (cable === 'stream')
    return {
      backends: channels.map((address) => ({ kind: 'stream', address })),
      plugIn(streams) {
        streams.forEach((stream, i) => {
          cables.add(connectStreamCable(fabric, portName(i), stream));
        });
      },
      dispose: () => cables.dispose(),
    };

  const backends: NicBackend[] = [];
  try {
    for (const i of spec.nics.keys()) {
      const itsPort = await freeUdpPort();
      const { localPort } = cables.add(await connectUdpCable(fabric, portName(i), { remotePort: itsPort }));
      backends.push({ kind: 'dgram', ourPort: localPort, itsPort });
    }
  } catch (error) {
    await cables.dispose();
    throw error;
  }
  return { backends, plugIn: () => {}, dispose: () => cables.dispose() };
}

/** A port that nobody has at the moment; QEMU must be told a number, and says so when somebody was faster. */
function freeUdpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
