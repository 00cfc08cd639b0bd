import { createSocket, type Socket } from 'node:dgram';
import type { Disposable } from '../../base/disposable.ts';
import { rackboxError } from '../../base/error-catalogue.ts';
import { messageOf } from '../../base/errors.ts';
import type { CableTraits, Fabric } from './port.ts';

/**
 * A cable made of UDP: one datagram carries one Ethernet frame. QEMU (`-netdev dgram`), libvirt
 * (`<interface type='udp'>`) and VirtualBox (UDPTunnel) all speak it; it does not care who starts first.
 */
export interface UdpCable extends Disposable {
  /** Our end on 127.0.0.1: what the device must send to. */
  readonly localPort: number;
  /** The device's end, once known. */
  readonly remotePort: number | null;
  /** Datagrams refused because they came from somebody else, and frames that could not be sent. */
  readonly counters: { strangers: number; sendErrors: number };
}

export interface UdpCableOptions {
  /** 0 or absent: any free port. */
  readonly localPort?: number;
  /** Absent: the first sender is the device. */
  readonly remotePort?: number;
}

const SOCKET_BUFFER_BYTES = 4 << 20;
const LOOPBACK = '127.0.0.1';
/** A burst beyond 64 KiB is dropped in the receiver's socket; what arrives, arrives in order. */
const LOOPBACK_TRAITS: CableTraits = { maxInFlightBytes: 64 << 10, dupThreshold: 1 };

/** Plugs a UDP-speaking device into `fabric`. Only loopback, and only the one remote port, is listened to. */
export async function connectUdpCable(
  fabric: Fabric,
  name: string,
  options: UdpCableOptions = {},
): Promise<UdpCable> {
  const socket = createSocket({
    type: 'udp4',
    recvBufferSize: SOCKET_BUFFER_BYTES,
    sendBufferSize: SOCKET_BUFFER_BYTES,
  });
  await bind(socket, options.localPort ?? 0);

  const counters = { strangers: 0, sendErrors: 0 };
  let remotePort = options.remotePort ?? null;
  const onSent = (error: Error | null) => {
    if (error) counters.sendErrors++;
  };
  const deliver = (frame: Uint8Array) => {
    if (remotePort !== null) socket.send(frame, remotePort, LOOPBACK, onSent);
  };
  const port = fabric.attach(name, deliver, LOOPBACK_TRAITS);
  socket.on('message', (frame, from) => {
    remotePort ??= from.port;
    if (from.port !== remotePort || from.address !== LOOPBACK) counters.strangers++;
    else port.transmit(frame);
  });
  // ICMP "port unreachable" while the device is not there yet surfaces here; it is not a fault.
  socket.on('error', () => counters.sendErrors++);

  let open = true;
  return {
    localPort: socket.address().port,
    get remotePort() {
      return remotePort;
    },
    counters,
    async dispose() {
      if (!open) return;
      open = false;
      await port.dispose();
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
}

function bind(socket: Socket, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(
        'code' in error && error.code === 'EADDRINUSE'
          ? rackboxError('PORT_IN_USE', { port, protocol: 'udp', where: LOOPBACK }, error)
          : rackboxError(
              'BAD_ARGUMENT',
              { what: `UDP port ${port}`, problem: messageOf(error), hint: 'Choose another port.' },
              error,
            ),
      );
    });
    socket.bind(port, LOOPBACK, () => {
      socket.removeAllListeners('error');
      resolve();
    });
  });
}
