import type { Clock } from '../../base/clock.ts';
import { IPV4_HEADER_BYTES, IPV4_MAX_BYTES, type Ipv4Packet } from '../../protocol/ipv4.ts';
import type { HostCounters } from './host-counters.ts';

const MAX_PAYLOAD = IPV4_MAX_BYTES - IPV4_HEADER_BYTES;
/** Datagrams being put together at once; with 64 KiB each this bounds the memory. */
const MAX_DATAGRAMS = 32;
/** RFC 1122 §3.3.2 suggests 60 to 120 s; nothing in a lab takes that long. */
const LIFE_MS = 30_000;

interface Fragment {
  readonly start: number;
  readonly bytes: Uint8Array;
}

interface Incomplete {
  readonly startedAt: number;
  readonly fragments: Fragment[];
  received: number;
  /** Payload length of the whole, once the last fragment was seen. */
  total: number | null;
}

/** Puts fragmented datagrams together (RFC 791 §3.2). Expired ones go when others come: there is no timer. */
export class Reassembly {
  readonly #clock: Clock;
  readonly #counters: Pick<HostCounters, 'reassemblyFailures'>;
  readonly #partials = new Map<string, Incomplete>();

  constructor(clock: Clock, counters: Pick<HostCounters, 'reassemblyFailures'>) {
    this.#clock = clock;
    this.#counters = counters;
  }

  /** Takes one fragment of `frame`; returns the whole payload with the fragment that completes it, else null. */
  add(frame: Uint8Array, packet: Ipv4Packet): Uint8Array | null {
    const key = `${packet.source} ${packet.destination} ${packet.protocol} ${packet.identification}`;
    const partial = this.#partials.get(key) ?? this.#begin(key);
    const bytes = Uint8Array.from(frame.subarray(packet.payloadStart, packet.payloadEnd));
    if (!accept(partial, { start: packet.fragmentOffset, bytes }, packet.moreFragments)) {
      this.#giveUp(key);
      return null;
    }
    if (partial.received !== partial.total) return null;
    this.#partials.delete(key);
    return join(partial);
  }

  /** How many are incomplete. */
  get size(): number {
    return this.#partials.size;
  }

  #begin(key: string): Incomplete {
    const now = this.#clock.now();
    for (const [other, { startedAt }] of this.#partials) {
      if (now - startedAt <= LIFE_MS && this.#partials.size < MAX_DATAGRAMS) break;
      this.#giveUp(other);
    }
    const partial: Incomplete = { startedAt: now, fragments: [], received: 0, total: null };
    this.#partials.set(key, partial);
    return partial;
  }

  #giveUp(key: string): void {
    this.#partials.delete(key);
    this.#counters.reassemblyFailures++;
  }
}

/**
 * False when the datagram is spoilt: too long, two different ends, or an overlap, which only attacks make
 * (RFC 5722). The same fragment twice does no harm.
 */
function accept(partial: Incomplete, fragment: Fragment, more: boolean): boolean {
  const end = fragment.start + fragment.bytes.length;
  if (end > MAX_PAYLOAD || fragment.bytes.length === 0) return false;
  if (more && fragment.bytes.length % 8 !== 0) return false;
  for (const other of partial.fragments) {
    const otherEnd = other.start + other.bytes.length;
    if (other.start === fragment.start && otherEnd === end) return true;
    if (fragment.start < otherEnd && other.start < end) return false;
  }
  if (!more) {
    if (partial.total !== null) return false;
    partial.total = end;
  }
  partial.fragments.push(fragment);
  partial.received += fragment.bytes.length;
  return (
    partial.total === null || partial.fragments.every((f) => f.start + f.bytes.length <= (partial.total ?? 0))
  );
}

function join(partial: Incomplete): Uint8Array {
  const whole = new Uint8Array(partial.received);
  for (const { start, bytes } of partial.fragments) whole.set(bytes, start);
  return whole;
}
