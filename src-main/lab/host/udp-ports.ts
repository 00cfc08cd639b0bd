import { rackboxError } from '../../base/error-catalogue.ts';
import type { Random } from '../../base/random.ts';
import type { Datagram, Peer, UdpEndpoint } from '../../base/segment.ts';

/** IANA's range for dynamic ports, RFC 6335 §6. */
const FIRST_EPHEMERAL_PORT = 49_152;
const LAST_EPHEMERAL_PORT = 65_535;

/** Sends a datagram from a port of the host. */
export type UdpSender = (sourcePort: number, data: Uint8Array, to: Peer) => void;

/** The UDP ports of a host and who listens on them. */
export class UdpPorts {
  readonly #where: string;
  readonly #random: Random;
  readonly #send: UdpSender;
  readonly #open = new Map<number, Endpoint>();

  /** `where` names the host in errors. */
  constructor(where: string, random: Random, send: UdpSender) {
    this.#where = where;
    this.#random = random;
    this.#send = send;
  }

  /** Opens a port, 0 meaning any free one. Throws PORT_IN_USE. */
  open(port: number): UdpEndpoint {
    const actual = port === 0 ? this.#freePort() : port;
    if (this.#open.has(actual))
      throw rackboxError('PORT_IN_USE', { port: actual, protocol: 'udp', where: this.#where });
    const endpoint = new Endpoint(actual, this.#send, () => void this.#open.delete(actual));
    this.#open.set(actual, endpoint);
    return endpoint;
  }

  /** Hands a datagram over; false when the port is closed. */
  deliver(port: number, datagram: Datagram): boolean {
    const endpoint = this.#open.get(port);
    endpoint?.receive(datagram);
    return endpoint !== undefined;
  }

  closeAll(): void {
    for (const endpoint of [...this.#open.values()]) endpoint.dispose();
  }

  #freePort(): number {
    const count = LAST_EPHEMERAL_PORT - FIRST_EPHEMERAL_PORT + 1;
    const start = this.#random.int(0, count - 1);
    for (let i = 0; i < count; i++) {
      const port = FIRST_EPHEMERAL_PORT + ((start + i) % count);
      if (!this.#open.has(port)) return port;
    }
    throw rackboxError('PORT_IN_USE', { port: 0, protocol: 'udp', where: this.#where });
  }
}

class Endpoint implements UdpEndpoint {
  readonly port: number;
  readonly #send: UdpSender;
  readonly #close: () => void;
  #receiver: ((datagram: Datagram) => void) | null = null;
  #closed = false;

  constructor(port: number, send: UdpSender, close: () => void) {
    this.port = port;
    this.#send = send;
    this.#close = close;
  }

  onDatagram(receiver: (datagram: Datagram) => void): void {
    this.#receiver = receiver;
  }

  receive(datagram: Datagram): void {
    this.#receiver?.(datagram);
  }

  send(data: Uint8Array, to: Peer): void {
    if (!this.#closed) this.#send(this.port, data, to);
  }

  dispose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#receiver = null;
    this.#close();
  }
}
