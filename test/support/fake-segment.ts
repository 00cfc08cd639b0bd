import { type Cidr, cidr, type Ipv4, ipv4 } from '../../src-main/base/address.ts';
import { rackboxError } from '../../src-main/base/error-catalogue.ts';
import type { Datagram, Peer, Segment, UdpEndpoint } from '../../src-main/base/segment.ts';

export interface SentDatagram {
  readonly data: Uint8Array;
  readonly to: Peer;
}

/** A segment without a network: tests put datagrams in, look at what was sent, and answer probes. */
export class FakeSegment implements Segment {
  readonly name = 'fake';
  readonly cidr: Cidr;
  readonly address: Ipv4;
  readonly sent: SentDatagram[] = [];
  /** Addresses probed, in order, with what answers them. */
  readonly probes: { address: Ipv4; answer(inUse: boolean): void }[] = [];
  /** Called with everything sent. */
  onSend: (sent: SentDatagram) => void = () => {};
  readonly #receivers = new Map<number, (datagram: Datagram) => void>();

  constructor(network = cidr('10.77.0.0/24'), address = ipv4('10.77.0.1')) {
    this.cidr = network;
    this.address = address;
  }

  async udp(port: number): Promise<UdpEndpoint> {
    if (this.#receivers.has(port))
      throw rackboxError('PORT_IN_USE', { port, protocol: 'udp', where: this.name });
    this.#receivers.set(port, () => {});
    return {
      port,
      onDatagram: (receiver) => void this.#receivers.set(port, receiver),
      send: (data, to) => {
        const sent = { data: data.slice(), to };
        this.sent.push(sent);
        this.onSend(sent);
      },
      dispose: () => void this.#receivers.delete(port),
    };
  }

  tcp(): Promise<never> {
    throw new Error('the fake segment has no TCP');
  }

  probe(address: Ipv4): Promise<boolean> {
    return new Promise((resolve) => this.probes.push({ address, answer: resolve }));
  }

  /** Hands a datagram to who has `port` open; its bytes are spoilt afterwards, since they are only lent. */
  deliver(port: number, data: Uint8Array, from: Partial<Peer> = {}): void {
    const lent = data.slice();
    this.#receivers.get(port)?.({ data: lent, from: { address: 0 as Ipv4, port: 68, ...from } });
    lent.fill(0xdb);
  }

  get openPorts(): number[] {
    return [...this.#receivers.keys()];
  }

  /** What was sent since the last call. */
  take(): SentDatagram[] {
    return this.sent.splice(0);
  }
}
