import { ACK, FIN, NO_TCP_OPTIONS, RST, SYN, type TcpSegment } from '../../../protocol/tcp.ts';
import type { ConnectionHost } from './control-block.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { Flow, FlowTable, SegmentHandler } from './flow-table.ts';

/** Beyond it the oldest is forgotten; what was on the way for it is then answered with a reset. */
const MAX_WAITING = 8192;

/**
 * Flows whose connection has just ended: an old segment must not be taken for one of a new connection, and a peer
 * that missed our last ACK gets it again (RFC 9293 §3.6.1). Small records, one timer.
 */
export class TimeWaitTable {
  readonly #flows: FlowTable;
  readonly #host: ConnectionHost;
  readonly #timer: DeadlineTimer;
  /** In order of their end. */
  readonly #waiting = new Set<TimeWait>();

  constructor(flows: FlowTable, host: ConnectionHost) {
    this.#flows = flows;
    this.#host = host;
    this.#timer = new DeadlineTimer(host.clock, (now) => this.#expire(now));
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** `sequence` is our next number, `acknowledgment` the peer's. */
  add(flow: Flow, sequence: number, acknowledgment: number, now: number): void {
    if (this.#waiting.size >= MAX_WAITING) {
      const [oldest] = this.#waiting;
      if (oldest) this.#forget(oldest);
    }
    const until = now + this.#host.options.timeWaitMs;
    const entry: TimeWait = {
      flow,
      until,
      receive: (segment, data, at) => this.#receive(entry, segment, data, sequence, acknowledgment, at),
    };
    this.#waiting.add(entry);
    this.#flows.set(entry);
    if (this.#timer.deadline === Number.POSITIVE_INFINITY) this.#timer.set(until, now);
  }

  clear(): void {
    for (const entry of this.#waiting) this.#forget(entry);
    this.#timer.stop();
  }

  #receive(
    entry: TimeWait,
    segment: TcpSegment,
    data: Uint8Array,
    sequence: number,
    acknowledgment: number,
    now: number,
  ): boolean {
    const { flags } = segment;
    const ahead = (segment.sequence - acknowledgment) | 0;
    if (flags & RST) {
      // Only a peer that just got our answer knows this number: it started anew and its SYN will come again.
      if (ahead === 0) this.#forget(entry);
      return true;
    }
    if ((flags & (SYN | ACK)) === SYN && ahead > 0) {
      this.#forget(entry);
      return false;
    }
    // A bare old ACK gets no answer: two such ends would go on answering each other.
    const answerable = (flags & (SYN | FIN)) !== 0 || data.length > 0 || ahead !== 0;
    if ((flags & FIN) !== 0) {
      // The peer did not get our ACK: the wait starts anew, or it might meet a reset.
      entry.until = now + this.#host.options.timeWaitMs;
      this.#waiting.delete(entry);
      this.#waiting.add(entry);
    }
    if (answerable && this.#host.challenges.take(now))
      this.#host.output.control(entry.flow, ACK, sequence, acknowledgment, 0, NO_TCP_OPTIONS);
    return true;
  }

  #forget(entry: TimeWait): void {
    this.#waiting.delete(entry);
    this.#flows.delete(entry);
  }

  #expire(now: number): void {
    for (const entry of this.#waiting) {
      if (entry.until > now) return void this.#timer.set(entry.until, now);
      this.#forget(entry);
    }
  }
}

interface TimeWait extends SegmentHandler {
  until: number;
}
