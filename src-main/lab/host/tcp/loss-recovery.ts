import { NewReno } from './congestion.ts';
import type { TcpCounters } from './counters.ts';
import type { LinkProfile } from './options.ts';
import { Rack } from './rack.ts';
import type { PositionRange } from './reassembly.ts';
import { RttEstimator } from './rtt-estimator.ts';
import { IN_FLIGHT, Scoreboard, type SentSegment } from './scoreboard.ts';

/** `recovery`: after a loss noticed by ACKs; `loss`: after a timeout; `open`: neither. */
type Episode = 'open' | 'recovery' | 'loss';

/** What an ACK said, in positions. */
export interface AckReport {
  /** Newly acknowledged bytes; 0 for a duplicate. */
  readonly advanced: number;
  /** SND.UNA after it. */
  readonly una: number;
  /** SND.NXT. */
  readonly next: number;
  /** A duplicate ACK by RFC 5681 §2. */
  readonly duplicate: boolean;
  readonly sack: readonly PositionRange[];
  /** The first SACK block reports a duplicate (RFC 2883). */
  readonly duplicateReported: boolean;
}

/**
 * What is on the way, what of it is lost, and how much may follow. With SACK by RFC 6675 and RACK (RFC 8985),
 * without by NewReno (RFC 6582): there, each duplicate ACK stands for one segment that has left the network.
 */
export class LossRecovery {
  readonly board: Scoreboard;
  readonly rtt: RttEstimator;
  readonly #rack = new Rack();
  readonly #congestion: NewReno;
  readonly #mss: number;
  readonly #sackUsed: boolean;
  readonly #dupThreshold: number;
  readonly #counters: TcpCounters;
  #episode: Episode = 'open';
  /** SND.NXT when the episode began; it ends when that is acknowledged. */
  #recoveryPoint = 0;
  #duplicates = 0;
  #departedBytes = 0;
  #mustResend = false;
  #reorderAt = Number.POSITIVE_INFINITY;

  constructor(mss: number, sackUsed: boolean, profile: LinkProfile, maxRtoMs: number, counters: TcpCounters) {
    this.board = new Scoreboard(this.#rack);
    this.rtt = new RttEstimator(profile.minRtoMs, maxRtoMs);
    this.#congestion = new NewReno(mss, profile.maxInFlightBytes);
    this.#mss = mss;
    this.#sackUsed = sackUsed;
    this.#dupThreshold = profile.dupThreshold;
    this.#counters = counters;
  }

  /** Bytes that may be sent now. */
  get room(): number {
    return this.#congestion.window - Math.max(0, this.board.pipe - this.#departedBytes);
  }

  /** When {@link lookAgain} has something to decide; infinity: never. */
  get reorderAt(): number {
    return this.#reorderAt;
  }

  /** Between a fast retransmission and the ACK of all that was on the way then. */
  get recovering(): boolean {
    return this.#episode === 'recovery';
  }

  /**
   * Silence may be probed sooner than the timeout. Without a sign of loss that is RFC 8985 §7.2, for peers that
   * answer a probe tellingly. In recovery it is ours: with the send buffer full of what the peer holds already,
   * no ACK would ever tell of a lost retransmission.
   */
  get probeWorthwhile(): boolean {
    if (this.#episode !== 'open') return this.#episode === 'recovery';
    return this.board.sacked === 0 && (this.#sackUsed || this.#dupThreshold === 1);
  }

  acknowledge(ack: AckReport, now: number): void {
    const limited = this.#congestion.window - this.board.pipe < this.#mss;
    this.#rack.start();
    if (ack.advanced > 0) this.board.acknowledge(ack.una, now);
    for (const range of ack.sack) this.board.sack(range.start, range.end, now);
    if (ack.duplicateReported) this.#rack.duplicateReported(ack.una, ack.next);
    if (this.#rack.sampleMs !== null) this.rtt.sample(this.#rack.sampleMs);
    if (ack.advanced > 0) this.#advance(ack, limited);
    else if (ack.duplicate) this.#countDuplicate();
    this.#reorderAt = Number.POSITIVE_INFINITY;
    if (this.#sackUsed && (this.board.sacked > 0 || this.#episode !== 'open')) this.#detect(now);
    if (this.#episode === 'open' && this.board.lost > 0) this.#enterRecovery(ack.next);
  }

  /** The reordering timer expired (RFC 8985 §6.3). */
  lookAgain(next: number, now: number): void {
    this.#reorderAt = Number.POSITIVE_INFINITY;
    this.#detect(now);
    if (this.#episode === 'open' && this.board.lost > 0) this.#enterRecovery(next);
  }

  /** The retransmission timer expired: RFC 5681 §3.1, RFC 6298 §5.4 to 5.6. */
  timeout(next: number): void {
    this.#counters.rtos++;
    this.#congestion.timedOut(this.board.pipe, this.#episode === 'loss');
    this.board.markAllLost();
    this.rtt.backOff();
    this.#episode = 'loss';
    this.#recoveryPoint = next;
    this.#departedBytes = 0;
    this.#duplicates = 0;
    this.#reorderAt = Number.POSITIVE_INFINITY;
    this.#mustResend = true;
  }

  /** Nothing is heard of the left-most segment: it leaves again. */
  loseHead(): void {
    if (this.board.size === 0) return;
    const head = this.board.at(0);
    if (head.state !== IN_FLIGHT) return;
    this.board.markLost(head);
    this.#mustResend = true;
  }

  /** A tail loss probe repaired a loss that no ACK had shown: the window shrinks as for any loss (RFC 8985 §7.4.2). */
  probeRepairedLoss(): void {
    if (this.#episode === 'open') this.#congestion.lost(this.board.pipe + this.#mss);
  }

  /** Nothing was sent for longer than the timeout. */
  restartAfterIdle(): void {
    this.#congestion.restart();
  }

  /** The next segment to send again, when it may be sent now. The first of an episode always may. */
  nextResend(): SentSegment | null {
    const segment = this.board.firstLost();
    if (segment === null) return null;
    if (!this.#mustResend && this.board.pipe > 0 && segment.end - segment.start > this.room) return null;
    this.#mustResend = false;
    return segment;
  }

  #advance(ack: AckReport, limited: boolean): void {
    this.#duplicates = 0;
    this.rtt.recover();
    if (this.#episode !== 'open' && ack.una >= this.#recoveryPoint) {
      this.#episode = 'open';
      this.#departedBytes = 0;
    } else if (this.#episode === 'recovery' && !this.#sackUsed) {
      // A partial ACK tells of the next hole (RFC 6582 §3.2 step 3), and eats up what duplicates stood for.
      this.#departedBytes = Math.max(0, this.#departedBytes - Math.max(0, ack.advanced - this.#mss));
      this.loseHead();
    } else if (this.#episode === 'open') this.#departedBytes = 0;
    if (limited && this.#episode !== 'recovery')
      this.#congestion.acknowledged(ack.advanced, this.#episode === 'loss');
  }

  #countDuplicate(): void {
    this.#counters.duplicateAcks++;
    if (this.#sackUsed || this.#episode === 'loss') return;
    this.#duplicates++;
    this.#departedBytes = Math.min(this.#departedBytes + this.#mss, this.board.pipe);
    if (this.#episode === 'open' && this.#duplicates >= this.#dupThreshold) this.loseHead();
  }

  #detect(now: number): void {
    const certain = this.#episode !== 'open' || this.board.sacked >= this.#dupThreshold;
    const windowMs = this.#rack.windowMs(certain, this.rtt.smoothedMs ?? 0);
    const waitMs = this.#rack.detect(this.board, windowMs, now);
    this.#reorderAt = waitMs > 0 ? now + waitMs : Number.POSITIVE_INFINITY;
  }

  #enterRecovery(next: number): void {
    this.#counters.fastRecoveries++;
    this.#congestion.lost(this.#flightBytes());
    this.#episode = 'recovery';
    this.#recoveryPoint = next;
    this.#mustResend = true;
  }

  /** FlightSize of RFC 5681: all that was sent and is not cumulatively acknowledged. */
  #flightBytes(): number {
    const size = this.board.size;
    return size === 0 ? 0 : this.board.at(size - 1).end - this.board.at(0).start;
  }
}
