import { ACK, RST, SYN, type TcpOptions, type TcpSegment } from '../../../protocol/tcp.ts';
import type { ConnectionHost } from './control-block.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { Flow, FlowTable, SegmentHandler } from './flow-table.ts';
import { agree, type Handshake, synOptions } from './handshake.ts';

/** RFC 6298 §2.1. */
const FIRST_RETRY_MS = 1000;
const MAX_TRIES = 5;
const MAX_FIELD = 0xffff;

/** Makes a connection of a completed handshake; null when there is no room or nobody listens any more. */
export type Promote = (flow: Flow, handshake: Handshake) => SegmentHandler | null;

/**
 * Connections in SYN-RECEIVED. Each is a small record and all share one timer, so a flood of SYNs costs little;
 * when there are too many, the oldest is forgotten (RFC 4987 §3.4, §3.5).
 */
export class HalfOpenTable {
  readonly #flows: FlowTable;
  readonly #host: ConnectionHost;
  readonly #promote: Promote;
  readonly #timer: DeadlineTimer;
  /** In order of arrival. */
  readonly #waiting = new Set<HalfOpen>();

  constructor(flows: FlowTable, host: ConnectionHost, promote: Promote) {
    this.#flows = flows;
    this.#host = host;
    this.#promote = promote;
    this.#timer = new DeadlineTimer(host.clock, (now) => this.#retry(now));
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Answers a SYN. `iss` is our initial sequence number. */
  open(flow: Flow, syn: TcpSegment, iss: number, maxPayload: number, now: number): void {
    if (this.#waiting.size >= this.#host.options.maxHalfOpen) {
      const [oldest] = this.#waiting;
      if (oldest) this.#forget(oldest);
      this.#host.counters.overflows++;
    }
    const options = synOptions(maxPayload, this.#host.options.receiveBufferBytes, syn.options);
    const entry = new HalfOpen(flow, syn, iss, options, now, {
      complete: (handshake) => {
        this.#forget(entry);
        return this.#promote(flow, handshake);
      },
      forget: () => this.#forget(entry),
      answer: (again) => this.#answer(entry, again),
      refuse: (segment, length) => this.#host.output.refuse(flow, segment, length),
    });
    this.#waiting.add(entry);
    this.#flows.set(entry);
    this.#answer(entry, false);
    this.#timer.set(Math.min(this.#timer.deadline, entry.retryAt), now);
  }

  /** Forgets all of them without a word. */
  clear(): void {
    for (const entry of this.#waiting) this.#forget(entry);
    this.#timer.stop();
  }

  #forget(entry: HalfOpen): void {
    this.#waiting.delete(entry);
    this.#flows.delete(entry);
  }

  #answer(entry: HalfOpen, again: boolean): void {
    if (again) this.#host.counters.retransmits++;
    const window = Math.min(this.#host.options.receiveBufferBytes, MAX_FIELD);
    this.#host.output.control(
      entry.flow,
      SYN | ACK,
      entry.iss,
      (entry.syn.sequence + 1) >>> 0,
      window,
      entry.options,
    );
  }

  #retry(now: number): void {
    let next = Number.POSITIVE_INFINITY;
    for (const entry of this.#waiting) {
      if (entry.retryAt <= now) {
        if (entry.tries >= MAX_TRIES) {
          this.#forget(entry);
          continue;
        }
        entry.retryAt = now + FIRST_RETRY_MS * 2 ** entry.tries;
        entry.tries++;
        this.#answer(entry, true);
      }
      next = Math.min(next, entry.retryAt);
    }
    if (next !== Number.POSITIVE_INFINITY) this.#timer.set(next, now);
  }
}

interface HalfOpenOwner {
  complete(handshake: Handshake): SegmentHandler | null;
  forget(): void;
  answer(again: boolean): void;
  refuse(segment: TcpSegment, dataLength: number): void;
}

class HalfOpen implements SegmentHandler {
  readonly flow: Flow;
  readonly syn: TcpSegment;
  readonly iss: number;
  readonly options: TcpOptions;
  retryAt: number;
  /** SYN-ACKs sent. */
  tries = 1;
  readonly #startedAt: number;
  readonly #owner: HalfOpenOwner;

  constructor(
    flow: Flow,
    syn: TcpSegment,
    iss: number,
    options: TcpOptions,
    now: number,
    owner: HalfOpenOwner,
  ) {
    this.flow = flow;
    this.syn = syn;
    this.iss = iss;
    this.options = options;
    this.retryAt = now + FIRST_RETRY_MS;
    this.#startedAt = now;
    this.#owner = owner;
  }

  /** RFC 9293 §3.10.7.4 in SYN-RECEIVED. */
  receive(segment: TcpSegment, data: Uint8Array, now: number): boolean {
    const { flags } = segment;
    const next = (this.syn.sequence + 1) >>> 0;
    if (flags & RST) {
      if (segment.sequence === next) this.#owner.forget();
      return true;
    }
    if (flags & SYN) {
      if (flags & ACK) return true;
      if (segment.sequence === this.syn.sequence) {
        this.#owner.answer(true);
        return true;
      }
      // The peer started anew, with the same port.
      this.#owner.forget();
      return false;
    }
    if ((flags & ACK) === 0) return true;
    if (segment.acknowledgment !== (this.iss + 1) >>> 0) {
      this.#owner.refuse(segment, data.length);
      return true;
    }
    // Data that overtook the ACK is dropped with it; it comes again.
    if (segment.sequence !== next) return true;
    const rttMs = this.tries === 1 ? now - this.#startedAt : null;
    const connection = this.#owner.complete(agree(this.iss, this.options, this.syn, rttMs));
    if (connection === null) this.#owner.refuse(segment, data.length);
    else connection.receive(segment, data, now);
    return true;
  }
}
