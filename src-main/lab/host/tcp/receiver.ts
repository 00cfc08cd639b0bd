import type { TcpCounters } from './counters.ts';
import { type PositionRange, Reassembly } from './reassembly.ts';

/** RFC 9293 §3.8.6.3 allows 500 ms; Linux waits 40. */
const DELAYED_ACK_MS = 40;
const MAX_WINDOW_FIELD = 0xffff;
/** Positions: the peer's SYN is 0. */
const FIRST_BYTE = 1;

/** Where received bytes go. */
export interface ReceiverSink {
  /** The next bytes of the stream, valid during the call only. */
  deliver(data: Uint8Array): void;
  /** Bytes delivered that nobody has read yet. */
  unread(): number;
}

/**
 * The receiving half of a connection: puts the stream in order, decides what window to offer and when to
 * acknowledge. Positions count from the peer's initial sequence number.
 */
export class Receiver {
  readonly #limit: number;
  /** Bytes that one in the window field stands for. */
  readonly #unit: number;
  readonly #sink: ReceiverSink;
  readonly #counters: TcpCounters;
  readonly #reassembly = new Reassembly();
  #next = FIRST_BYTE;
  /** Right edge of the window offered; never moves left (RFC 9293 §3.8.6). */
  #edge: number;
  #finAt: number | null = null;
  #finished = false;
  #segmentBytes = 536;
  #unacknowledged = 0;
  #ackDue = Number.POSITIVE_INFINITY;
  #duplicate: PositionRange | null = null;

  /** `scale`: the shift count agreed on for the windows we offer; 0 without the option. */
  constructor(limit: number, scale: number, sink: ReceiverSink, counters: TcpCounters) {
    this.#limit = limit;
    this.#unit = 2 ** scale;
    this.#sink = sink;
    this.#counters = counters;
    // What the handshake offered, unscaled.
    this.#edge = FIRST_BYTE + Math.min(limit, MAX_WINDOW_FIELD);
  }

  /** RCV.NXT. */
  get next(): number {
    return this.#next;
  }

  /** RCV.WND as the peer may know it. */
  get window(): number {
    return this.#edge - this.#next;
  }

  /** The peer's FIN has been reached. */
  get finished(): boolean {
    return this.#finished;
  }

  /** When an ACK must leave at the latest: negative infinity for at once, infinity for no need. */
  get ackDue(): number {
    return this.#ackDue;
  }

  /** There is something to report that only a segment without data carries. */
  get hasReport(): boolean {
    const hole = !this.#reassembly.empty || (this.#finAt !== null && !this.#finished);
    return hole || this.#duplicate !== null;
  }

  /** The acceptance test of RFC 9293 §3.10.7.4; `length` counts SYN and FIN. */
  acceptable(position: number, length: number): boolean {
    if (length === 0) return position >= this.#next && position <= this.#edge;
    return position < this.#edge && position + length > this.#next;
  }

  /** Data or FIN of an acceptable segment. `data` is copied. */
  receive(position: number, data: Uint8Array, fin: boolean, now: number): void {
    if (this.#finished) return void this.ackNow();
    const end = position + data.length;
    if (fin && end <= this.#edge) this.#finAt ??= end;
    const from = Math.max(position, this.#next);
    const to = Math.min(end, this.#edge, this.#finAt ?? end);
    if (data.length > this.#segmentBytes) this.#segmentBytes = data.length;
    if (to < end || fin) this.ackNow();
    if (from < to) {
      const fresh = data.subarray(from - position, to - position);
      if (from === this.#next) this.#accept(fresh, now);
      else this.#setAside(from, fresh);
    }
    if (this.#next === this.#finAt) this.#finish();
  }

  /** A segment outside of the window: it is answered, and reported as a duplicate when it is an old one. */
  repeated(position: number, length: number): void {
    this.ackNow();
    if (length === 0 || position + length > this.#next) return;
    this.#counters.duplicates++;
    this.#duplicate = { start: position, end: position + length };
  }

  /** An ACK must leave at once. */
  ackNow(): void {
    this.#ackDue = Number.NEGATIVE_INFINITY;
  }

  /** A segment left that carried the ACK. */
  acknowledged(): void {
    this.#unacknowledged = 0;
    this.#ackDue = Number.POSITIVE_INFINITY;
  }

  /**
   * The window field of the segment about to leave. The edge moves only when it is worth a segment or half of the
   * buffer (silly window avoidance, RFC 9293 §3.8.6.2.2).
   */
  windowField(): number {
    const edge = this.#next + this.#free();
    if (edge - this.#edge >= Math.min(this.#segmentBytes, this.#limit / 2)) this.#edge = edge;
    return Math.min(Math.floor(this.window / this.#unit), MAX_WINDOW_FIELD);
  }

  /** After the application read: has the window opened so far that the peer should hear of it now? */
  get windowWorthTelling(): boolean {
    const gain = this.#next + this.#free() - this.#edge;
    return gain >= this.#limit / 4 || (gain >= this.#segmentBytes && this.window < 2 * this.#segmentBytes);
  }

  /** What to report by SACK, a duplicate first (RFC 2883 §4). Asking for it clears the duplicate. */
  sackRanges(): readonly PositionRange[] {
    const ranges = this.#withFin(this.#reassembly.ranges());
    if (this.#duplicate === null) return ranges;
    const all = [this.#duplicate, ...ranges];
    this.#duplicate = null;
    return all;
  }

  /** Lets go of the memory. */
  clear(): void {
    this.#reassembly.clear();
  }

  /** A FIN beyond a hole is reported like data: it may be all that is left of a lost tail. */
  #withFin(ranges: readonly PositionRange[]): readonly PositionRange[] {
    const fin = this.#finAt;
    if (fin === null || this.#finished) return ranges;
    const joined = ranges.map(({ start, end }) => ({ start, end: end === fin ? end + 1 : end }));
    return joined.some(({ end }) => end > fin) ? joined : [{ start: fin, end: fin + 1 }, ...joined];
  }

  #free(): number {
    const offerable = Math.min(this.#limit, MAX_WINDOW_FIELD * this.#unit);
    return Math.max(0, offerable - this.#sink.unread());
  }

  #accept(data: Uint8Array, now: number): void {
    this.#next += data.length;
    this.#unacknowledged += data.length;
    // RFC 5681 §4.2: at once for every second segment, and when a hole was filled, all or in part.
    if (!this.#reassembly.empty || this.#unacknowledged >= 2 * this.#segmentBytes) this.ackNow();
    else this.#ackDue = Math.min(this.#ackDue, now + DELAYED_ACK_MS);
    const behind = this.#reassembly.empty ? [] : this.#reassembly.take(this.#next);
    for (const chunk of behind) this.#next += chunk.length;
    this.#sink.deliver(data);
    for (const chunk of behind) this.#sink.deliver(chunk);
  }

  #setAside(position: number, data: Uint8Array): void {
    this.#counters.outOfOrder++;
    this.#reassembly.insert(position, data);
    this.ackNow();
  }

  #finish(): void {
    this.#next++;
    this.#edge = Math.max(this.#edge, this.#next);
    this.#finished = true;
    this.#reassembly.clear();
    this.ackNow();
  }
}
