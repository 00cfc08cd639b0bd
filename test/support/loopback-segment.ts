import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { cidr, formatIpv4, type Ipv4, ipv4, parseIpv4 } from '../../src-main/base/address.ts';
import type { Disposable } from '../../src-main/base/disposable.ts';
import { rackboxError } from '../../src-main/base/error-catalogue.ts';
import type { Datagram, Peer, Segment, SegmentConnection, UdpEndpoint } from '../../src-main/base/segment.ts';

const LOOPBACK = ipv4('127.0.0.1');

/**
 * 127.0.0.1 as a segment, for running servers against real clients without root. Every port of the segment is
 * some free port of the host, which `hostPort` tells, so test files never collide.
 */
export class LoopbackSegment implements Segment {
  readonly name = 'loopback';
  readonly cidr = cidr('127.0.0.0/8');
  readonly address: Ipv4 = LOOPBACK;
  readonly #open = new Map<string, number>();

  /** Where `port` of the segment is on the host. */
  hostPort(protocol: 'udp' | 'tcp', port: number): number {
    const found = this.#open.get(`${protocol}/${port}`);
    if (found === undefined) throw new Error(`nobody has opened ${protocol}/${port}`);
    return found;
  }

  /** How many ports are open: tests use it to prove that nothing was left behind. */
  get openPorts(): number {
    return this.#open.size;
  }

  async udp(port: number): Promise<UdpEndpoint> {
    this.#claim('udp', port);
    // A synchronous lookup: Node's own costs a turn of the event loop for each datagram.
    const socket = createSocket({
      type: 'udp4',
      recvBufferSize: 4 << 20,
      lookup: (host, _options, done) => done(null, host, 4),
    });
    // With a synchronous lookup the event comes during the call.
    const listening = once(socket, 'listening');
    socket.bind(0, '127.0.0.1');
    await listening;
    const hostPort = socket.address().port;
    const ownPort = port || hostPort;
    this.#open.set(`udp/${ownPort}`, hostPort);
    return endpoint(socket, ownPort, () => this.#open.delete(`udp/${ownPort}`));
  }

  async tcp(port: number, onConnection: (connection: SegmentConnection) => void): Promise<Disposable> {
    this.#claim('tcp', port);
    const server = createServer({ noDelay: true }, onConnection);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#open.set(`tcp/${port}`, (server.address() as AddressInfo).port);
    return {
      dispose: () => {
        if (!this.#open.delete(`tcp/${port}`)) return;
        server.close();
      },
    };
  }

  async probe(): Promise<boolean> {
    return false;
  }

  #claim(protocol: string, port: number): void {
    if (port !== 0 && this.#open.has(`${protocol}/${port}`))
      throw rackboxError('PORT_IN_USE', { port, protocol, where: this.name });
  }
}

function endpoint(socket: Socket, port: number, onClose: () => void): UdpEndpoint {
  let closed = false;
  // Addresses as text, made once for each peer.
  const names = new Map<Ipv4, string>();
  const nameOf = (address: Ipv4) => {
    const known = names.get(address);
    if (known) return known;
    const text = formatIpv4(address);
    names.set(address, text);
    return text;
  };
  return {
    port,
    onDatagram(receiver: (datagram: Datagram) => void) {
      socket.removeAllListeners('message');
      socket.on('message', (data, from) => {
        const address = from.address === '127.0.0.1' ? LOOPBACK : (parseIpv4(from.address) ?? LOOPBACK);
        receiver({ data, from: { address, port: from.port } });
      });
    },
    send(data: Uint8Array, to: Peer) {
      if (!closed) socket.send(data, to.port, nameOf(to.address));
    },
    dispose() {
      if (closed) return;
      closed = true;
      onClose();
      socket.close();
    },
  };
}
