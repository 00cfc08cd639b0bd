import type { Clock } from '../../../base/clock.ts';
import type { TcpCounters } from './counters.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { LossRecovery } from './loss-recovery.ts';
import type { LinkProfile } from './options.ts';
import type { PositionRange } from './reassembly.ts';
import type { SendBuffer } from './send-buffer.ts';

/** A peer may hold back its ACK of a lone segment for this long (Linux: 40 ms). */
const PEER_ACK_DELAY_MS = 50;
/** Least tail probe timeout: below, an event loop's ordinary delays look like losses. */
const MIN_PROBE_MS = 20;
/** Bounds the records that a stream of tiny writes makes. */
const MAX_SEGMENTS = 2048;

/** What a sender asks of its connection. */
export interface SenderOutput {
  /** Puts `length` bytes from `position` on the wire, and the FIN after them. */
  transmit(position: number, length: number, fin: boolean): void;
  /** A segment that makes the peer acknowledge without carrying anything. */
  probe(): void;
  /** Nobody answers any more. */
  giveUp(): void;
}

export interface SenderOptions {
  readonly mss: number;
  readonly sackUsed: boolean;
  /** The window that the peer's handshake offered, bytes. */
  readonly window: number;
  /** Measured by the handshake; null when it had to be repeated. */
  readonly rttMs: number | null;
  readonly profile: LinkProfile;
  readonly maxRtoMs: number;
  readonly giveUpMs: number;
}

/** One acceptable ACK, in positions. */
export interface ReceivedAck {
  /** Not beyond `next`. */
  readonly position: number;
  /** Scaled, in bytes. */
  readonly window: number;
  /** The segment's own place in the peer's stream: which of two window offers is newer. */
  readonly sequence: number;
  readonly sack: readonly PositionRange[];
  /** No data, SYN or FIN came with it. */
  readonly pure: boolean;
}

/** The sending half of a connection: what leaves when, by windows and timers. */
export class Sender {
  readonly #buffer: SendBuffer;
  readonly #output: SenderOutput;
  readonly #options: SenderOptions;
  readonly #recovery: LossRecovery;
  readonly #counters: TcpCounters;
  readonly #timer: DeadlineTimer;
  readonly #minProbeMs: number;
  #una = 1;
  #next = 1;
  /** Right edge of the peer's window. */
  #edge: number;
  #largestWindow: number;
  #windowSequence = 0;
  #windowAck = 0;
  #finQueued = false;
  #stopped = false;
  #heardAt: number;
  #progressAt: number;
  #sentAt: number;
  #rtoAt = Number.POSITIVE_INFINITY;
  #probeAt = Number.POSITIVE_INFINITY;
  #persistAt = Number.POSITIVE_INFINITY;
  #persistTries = 0;
  /** SND.NXT when a tail probe left, while it is not known what became of it; 0: none. */
  #probeEnd = 0;
  #probeRepeated = false;

  constructor(
    buffer: SendBuffer,
    output: SenderOutput,
    options: SenderOptions,
    clock: Clock,
    counters: TcpCounters,
  ) {
    this.#buffer = buffer;
    this.#output = output;
    this.#options = options;
    this.#counters = counters;
    this.#recovery = new LossRecovery(
      options.mss,
      options.sackUsed,
      options.profile,
      options.maxRtoMs,
      counters,
    );
    if (options.rttMs !== null) this.#recovery.rtt.sample(options.rttMs);
    this.#edge = 1 + options.window;
    this.#largestWindow = options.window;
    this.#minProbeMs = Math.max(MIN_PROBE_MS, options.profile.minRtoMs / 10);
    this.#timer = new DeadlineTimer(clock, (now) => this.#expired(now));
    const now = clock.now();
    this.#heardAt = now;
    this.#progressAt = now;
    this.#sentAt = now;
  }

  /** SND.UNA. */
  get una(): number {
    return this.#una;
  }

  /** SND.NXT. */
  get next(): number {
    return this.#next;
  }

  /** The largest window the peer ever offered (MAX.SND.WND of RFC 5961 §5). */
  get largestWindow(): number {
    return this.#largestWindow;
  }

  get finAcknowledged(): boolean {
    return this.#finQueued && this.#una > this.#buffer.end;
  }

  /** All data is acknowledged, the FIN that was sent isn't. */
  get onlyFinMissing(): boolean {
    return this.#finQueued && this.#una === this.#buffer.end && this.#next > this.#una;
  }

  /** Everything written was acknowledged. */
  get idle(): boolean {
    return this.#una === this.#end;
  }

  /** Nothing more will be written. */
  queueFin(): void {
    this.#finQueued = true;
  }

  /** An acceptable segment came: the peer lives. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** Takes an ACK in. True when it was news of data, so that there may be room to write again. */
  acknowledge(ack: ReceivedAck, now: number): boolean {
    const advanced = ack.position - this.#una;
    if (advanced < 0) return false;
    const sent = this.#next - this.#una;
    const windowChanged = this.#updateWindow(ack);
    if (advanced > 0) {
      this.#una = ack.position;
      this.#buffer.release(ack.position);
      this.#progressAt = now;
    }
    const duplicate = advanced === 0 && ack.pure && sent > 0 && (!windowChanged || ack.sack.length > 0);
    const first = ack.sack[0];
    const duplicateReported = first !== undefined && this.#isDuplicateReport(first, ack.sack[1]);
    if (sent > 0)
      this.#recovery.acknowledge(
        {
          advanced,
          una: this.#una,
          next: this.#next,
          duplicate,
          sack: duplicateReported ? ack.sack.slice(1) : ack.sack,
          duplicateReported,
        },
        now,
      );
    if (this.#probeEnd > 0) this.#judgeProbe(advanced, duplicateReported);
    if (advanced > 0)
      this.#rtoAt = this.#una === this.#next ? Number.POSITIVE_INFINITY : now + this.#recovery.rtt.rtoMs;
    if (advanced > 0 || this.#recovery.recovering) this.#scheduleProbe(now);
    else if (!this.#recovery.probeWorthwhile) this.#probeAt = Number.POSITIVE_INFINITY;
    return advanced > 0;
  }

  /** Sends what windows allow, lost segments first, and sets the timer. */
  flush(now: number): void {
    if (this.#stopped) return;
    this.#resendLost(now);
    this.#sendNew(now, false);
    this.#setTimer(now);
  }

  /** Ends all sending and leaves no timer. */
  stop(): void {
    this.#stopped = true;
    this.#timer.stop();
  }

  /** Position after the last thing to send. */
  get #end(): number {
    return this.#buffer.end + (this.#finQueued ? 1 : 0);
  }

  /** RFC 9293 §3.10.7.4, SND.WL1 and SND.WL2. */
  #updateWindow(ack: ReceivedAck): boolean {
    if (
      ack.sequence < this.#windowSequence ||
      (ack.sequence === this.#windowSequence && ack.position < this.#windowAck)
    )
      return false;
    this.#windowSequence = ack.sequence;
    this.#windowAck = ack.position;
    const edge = ack.position + ack.window;
    this.#largestWindow = Math.max(this.#largestWindow, ack.window);
    if (edge === this.#edge) return false;
    this.#edge = edge;
    if (edge > this.#next) {
      this.#persistTries = 0;
      this.#persistAt = Number.POSITIVE_INFINITY;
    }
    return true;
  }

  /** RFC 2883 §4: the first block lies below the ACK or inside the second. */
  #isDuplicateReport(first: PositionRange, second: PositionRange | undefined): boolean {
    if (first.end <= this.#una) return true;
    return second !== undefined && first.start >= second.start && first.end <= second.end;
  }

  #resendLost(now: number): void {
    const { board } = this.#recovery;
    for (let lost = this.#recovery.nextResend(); lost !== null; lost = this.#recovery.nextResend()) {
      board.markResent(lost, now);
      this.#counters.retransmits++;
      this.#transmit(lost.start, lost.end);
      // The left-most one gets a whole timeout again; the others follow it.
      if (lost.start === this.#una) this.#rtoAt = now + this.#recovery.rtt.rtoMs;
      this.#sentAt = now;
    }
  }

  /** `override`: the persist timer says to send what fits, however little. */
  #sendNew(now: number, override: boolean): void {
    const { board } = this.#recovery;
    if (board.size === 0 && this.#next < this.#end && now - this.#sentAt > this.#recovery.rtt.rtoMs)
      this.#recovery.restartAfterIdle();
    let sent = false;
    while (this.#next < this.#end && board.size < MAX_SEGMENTS) {
      const end = this.#nextEnd(override);
      if (end === null) break;
      if (board.size > 0 && end - this.#next > this.#recovery.room) break;
      if (this.#una === this.#next) {
        this.#rtoAt = now + this.#recovery.rtt.rtoMs;
        this.#progressAt = now;
      }
      const start = this.#next;
      this.#next = end;
      board.push(start, end, now);
      this.#transmit(start, end);
      sent = true;
    }
    if (!sent) return;
    this.#sentAt = now;
    this.#persistAt = Number.POSITIVE_INFINITY;
    this.#scheduleProbe(now);
  }

  /** Where the next new segment ends; null when the peer's window has no place for it (RFC 9293 §3.8.6.2.1). */
  #nextEnd(override: boolean): number | null {
    const usable = this.#edge - this.#next;
    const pending = this.#buffer.end - this.#next;
    const wanted = Math.min(pending, this.#options.mss);
    if (usable < wanted) {
      const worthwhile = override || usable >= this.#largestWindow / 2;
      return usable > 0 && worthwhile ? this.#next + usable : null;
    }
    // The FIN takes a place of its own, in the window too.
    const fin = this.#finQueued && wanted === pending && usable > wanted;
    if (wanted === 0 && !fin) return null;
    return this.#next + wanted + (fin ? 1 : 0);
  }

  #transmit(start: number, end: number): void {
    const dataEnd = Math.min(end, this.#buffer.end);
    this.#output.transmit(start, dataEnd - start, end > dataEnd);
  }

  /** Probe timeout, RFC 8985 §7.2. */
  #scheduleProbe(now: number): void {
    const { board, rtt } = this.#recovery;
    if (board.size === 0 || this.#probeEnd > 0 || !this.#recovery.probeWorthwhile) {
      this.#probeAt = Number.POSITIVE_INFINITY;
      return;
    }
    const smoothed = rtt.smoothedMs;
    const timeout = smoothed === null ? rtt.rtoMs : 2 * smoothed + (board.size === 1 ? PEER_ACK_DELAY_MS : 0);
    this.#probeAt = now + Math.max(timeout, this.#minProbeMs);
  }

  #judgeProbe(advanced: number, duplicateReported: boolean): void {
    if (this.#una < this.#probeEnd) return;
    if (duplicateReported || !this.#probeRepeated) this.#probeEnd = 0;
    else if (this.#una > this.#probeEnd) {
      this.#probeEnd = 0;
      this.#recovery.probeRepairedLoss();
    } else if (advanced === 0) this.#probeEnd = 0;
  }

  #setTimer(now: number): void {
    let at: number;
    if (this.#una < this.#next) {
      at = Math.min(this.#rtoAt, this.#probeAt, this.#recovery.reorderAt);
    } else if (this.#next < this.#end) {
      if (this.#persistAt === Number.POSITIVE_INFINITY) this.#persistAt = now + this.#persistDelay();
      at = this.#persistAt;
    } else return void this.#timer.clear();
    this.#timer.set(at, now);
  }

  #persistDelay(): number {
    return Math.min(this.#recovery.rtt.rtoMs * 2 ** this.#persistTries, this.#options.maxRtoMs);
  }

  #expired(now: number): void {
    if (this.#stopped) return;
    if (this.#una === this.#next) this.#persist(now);
    else if (now >= this.#rtoAt) this.#timeout(now);
    else if (now >= this.#probeAt) this.#probeTail(now);
    else if (now >= this.#recovery.reorderAt) this.#recovery.lookAgain(this.#next, now);
    this.flush(now);
  }

  /** RFC 9293 §3.8.6.1. A peer may keep its window closed for as long as it answers. */
  #persist(now: number): void {
    if (this.#edge > this.#next) return void this.#sendNew(now, true);
    if (now - this.#heardAt > this.#options.giveUpMs) return void this.#output.giveUp();
    this.#counters.zeroWindowProbes++;
    this.#output.probe();
    this.#persistTries = Math.min(this.#persistTries + 1, 16);
    this.#persistAt = now + this.#persistDelay();
  }

  #timeout(now: number): void {
    // A peer that shrank its window to nothing but answers is not dead either.
    const silentSince = this.#edge > this.#una ? this.#progressAt : this.#heardAt;
    if (now - silentSince > this.#options.giveUpMs) return void this.#output.giveUp();
    this.#recovery.timeout(this.#next);
    this.#probeEnd = 0;
    this.#probeAt = Number.POSITIVE_INFINITY;
    this.#rtoAt = now + this.#recovery.rtt.rtoMs;
  }

  /** Something new if there is, else the last segment again: the ACK shows what is missing (RFC 8985 §7.3). */
  #probeTail(now: number): void {
    this.#counters.tailProbes++;
    this.#probeAt = Number.POSITIVE_INFINITY;
    this.#rtoAt = now + this.#recovery.rtt.rtoMs;
    const { board } = this.#recovery;
    if (this.#recovery.recovering) {
      this.#probeEnd = this.#next;
      this.#probeRepeated = false;
      return void this.#recovery.loseHead();
    }
    const end = board.size < MAX_SEGMENTS && this.#next < this.#end ? this.#nextEnd(false) : null;
    this.#probeRepeated = end === null;
    if (end !== null) {
      const start = this.#next;
      this.#next = end;
      board.push(start, end, now);
      this.#transmit(start, end);
    } else {
      const last = board.at(board.size - 1);
      this.#counters.retransmits++;
      board.markResent(last, now);
      this.#transmit(last.start, last.end);
    }
    this.#sentAt = now;
    this.#probeEnd = this.#next;
  }
}
