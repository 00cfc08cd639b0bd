import type { Ipv4 } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import {
  decodeIcmp,
  ICMP_HEADER_BYTES,
  type IcmpEcho,
  quoteOf,
  writeIcmpEcho,
  writeIcmpUnreachable,
} from '../../protocol/icmp.ts';
import { PROTOCOL_ICMP } from '../../protocol/ipv4.ts';
import type { HostCounters } from './host-counters.ts';
import type { IpTransport } from './ip-layer.ts';
import type { IpSender } from './ip-sender.ts';
import { PendingAnswers } from './pending-answers.ts';

/** As many data bytes as `ping` sends. */
const PING_DATA_BYTES = 56;

/** ICMP of a host: answers echo requests, sends its own, and says that a port is closed (RFC 1122 §3.2.2). */
export class IcmpService implements IpTransport {
  readonly protocol = PROTOCOL_ICMP;
  readonly #sender: IpSender;
  readonly #counters: HostCounters;
  readonly #random: Random;
  readonly #pings: PendingAnswers<string>;
  #sequence = 0;

  constructor(sender: IpSender, counters: HostCounters, clock: Clock, random: Random) {
    this.#sender = sender;
    this.#counters = counters;
    this.#random = random;
    this.#pings = new PendingAnswers(clock);
  }

  /** Sends one echo request; true when it is answered within `timeoutMs`. */
  ping(address: Ipv4, timeoutMs: number): Promise<boolean> {
    const identifier = this.#random.int(0, 0xffff);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    const sequence = this.#sequence;
    const data = new Uint8Array(PING_DATA_BYTES);
    return this.#pings.ask(pingKey(address, identifier, sequence), timeoutMs, 1, () =>
      this.#sendEcho(address, { kind: 'echo-request', identifier, sequence, data }),
    );
  }

  receive(payload: Uint8Array, from: Ipv4, to: Ipv4): void {
    const message = decodeIcmp(payload);
    if (message === null) this.#counters.malformedIcmp++;
    else if (message.kind === 'echo-reply')
      this.#pings.answer(pingKey(from, message.identifier, message.sequence));
    // To a broadcast nobody answers (RFC 1122 §3.2.2.6 allows it): a thousand PCs would.
    else if (message.kind === 'echo-request' && to === this.#sender.address)
      this.#sendEcho(from, { ...message, kind: 'echo-reply' });
  }

  /** Tells the sender of an IP packet, its header first, why it did not arrive. */
  unreachable(to: Ipv4, code: number, packet: Uint8Array): void {
    const original = quoteOf(packet);
    const length = ICMP_HEADER_BYTES + original.length;
    this.#sender.send(this.#sender.address, this.protocol, to, length, (frame, offset) => {
      writeIcmpUnreachable(frame, offset, code, original);
    });
  }

  dispose(): void {
    this.#pings.dispose();
  }

  #sendEcho(to: Ipv4, echo: IcmpEcho): void {
    const length = ICMP_HEADER_BYTES + echo.data.length;
    this.#sender.sendDatagram(this.#sender.address, this.protocol, to, length, (frame, offset) => {
      writeIcmpEcho(frame, offset, echo);
    });
  }
}

function pingKey(address: Ipv4, identifier: number, sequence: number): string {
  return `${address} ${identifier} ${sequence}`;
}
