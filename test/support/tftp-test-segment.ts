import { cidr, ipv4 } from '../../src-main/base/address.ts';
import type { Disposable } from '../../src-main/base/disposable.ts';
import { rackboxError } from '../../src-main/base/error-catalogue.ts';
import type { Datagram, Peer, Segment, UdpEndpoint } from '../../src-main/base/segment.ts';
import { decodeTftp, type TftpPacket } from '../../src-main/protocol/tftp.ts';

export interface SentPacket {
  /** The segment's port that sent it. */
  readonly port: number;
  readonly to: Peer;
  readonly packet: TftpPacket;
  /** A copy of the payload, when it is DATA. */
  readonly payload: Buffer;
}

/** A segment in memory for TFTP servers: tests deliver datagrams by hand and read what was sent. */
export class TftpTestSegment implements Segment {
  readonly name = 'fake';
  readonly cidr = cidr('10.77.0.0/24');
  readonly address = ipv4('10.77.0.1');
  readonly #receivers = new Map<number, (datagram: Datagram) => void>();
  readonly #sent: SentPacket[] = [];
  #wake: (() => void) | null = null;
  #nextPort = 50_000;

  get openPorts(): number[] {
    return [...this.#receivers.keys()];
  }

  async udp(wanted: number): Promise<UdpEndpoint> {
    const port = wanted || this.#nextPort++;
    if (this.#receivers.has(port))
      throw rackboxError('PORT_IN_USE', { port, protocol: 'udp', where: this.name });
    this.#receivers.set(port, () => {});
    return {
      port,
      onDatagram: (receiver) => void this.#receivers.set(port, receiver),
      send: (data, to) => this.#record(port, data, to),
      dispose: () => void this.#receivers.delete(port),
    };
  }

  async tcp(): Promise<Disposable> {
    throw new Error('no TCP here');
  }

  async probe(): Promise<boolean> {
    return false;
  }

  deliver(port: number, data: Uint8Array, from: Peer): void {
    this.#receivers.get(port)?.({ data, from });
  }

  /** The next packet sent, waiting for it. */
  async sent(): Promise<SentPacket> {
    for (;;) {
      const next = this.#sent.shift();
      if (next) return next;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Fails when anything is sent within a few turns of the event loop. */
  async quiet(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    const packet = this.#sent[0];
    if (packet) throw new Error(`unexpected ${JSON.stringify(packet.packet)}`);
  }

  /** Takes what was sent so far. */
  async drain(): Promise<SentPacket[]> {
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    return this.#sent.splice(0);
  }

  #record(port: number, data: Uint8Array, to: Peer): void {
    const packet = decodeTftp(Uint8Array.from(data));
    if (!packet) throw new Error('sent something that is not TFTP');
    this.#sent.push({
      port,
      to,
      packet,
      payload: packet.type === 'data' ? Buffer.from(packet.payload) : Buffer.alloc(0),
    });
    this.#wake?.();
  }
}
