import { type DeliveryObserver, IN_FLIGHT, type Scoreboard, type SentSegment } from './scoreboard.ts';

/** Differences of clock readings are not exact. */
const EPSILON_MS = 0.001;
const MAX_WINDOW_STEPS = 20;

/**
 * Recent acknowledgment: a segment is lost when one sent sufficiently later has arrived, RFC 8985 §6. Unlike a
 * count of duplicate ACKs it also notices lost retransmissions, and holes whose followers Linux merged (GRO).
 */
export class Rack implements DeliveryObserver {
  /** Of the transmissions known to have arrived, the last one. */
  #serial = 0;
  #rttMs = 0;
  #minRttMs = Number.POSITIVE_INFINITY;
  /** Highest position known to have arrived. */
  #forward = 0;
  #reordering = false;
  #windowSteps = 1;
  #stepAllowedFrom = 0;
  #sampleMs: number | null = null;

  /** Before each ACK. */
  start(): void {
    this.#sampleMs = null;
  }

  /** The round trip measured by the ACK at hand, by the newest segment that was sent once; null without one. */
  get sampleMs(): number | null {
    return this.#sampleMs;
  }

  /** §6.2 steps 1 to 3. */
  delivered(segment: SentSegment, now: number): void {
    const rttMs = now - segment.sentAt;
    if (segment.retransmitted) {
      // Sooner than any round trip: the ACK is of an earlier transmission.
      if (rttMs < this.#minRttMs) return;
    } else {
      this.#minRttMs = Math.min(this.#minRttMs, rttMs);
      this.#sampleMs = this.#sampleMs === null ? rttMs : Math.min(this.#sampleMs, rttMs);
      if (segment.end <= this.#forward) this.#reordering = true;
    }
    this.#forward = Math.max(this.#forward, segment.end);
    if (segment.serial > this.#serial) {
      this.#serial = segment.serial;
      this.#rttMs = rttMs;
    }
  }

  /** The peer reported a duplicate (DSACK): we were too quick. The window widens, at most once in a round trip (§6.2.4). */
  duplicateReported(position: number, next: number): void {
    if (position < this.#stepAllowedFrom) return;
    this.#stepAllowedFrom = next;
    this.#windowSteps = Math.min(this.#windowSteps + 1, MAX_WINDOW_STEPS);
  }

  /** How much later is sufficiently later. `certain`: so much arrived behind the hole that it is a loss. */
  windowMs(certain: boolean, smoothedRttMs: number): number {
    if (certain && !this.#reordering) return 0;
    return Math.min((this.#windowSteps * this.#minRttMs) / 4, smoothedRttMs);
  }

  /** Marks what is lost by now (§6.2 step 5). Returns the milliseconds until the rest has to be looked at again; 0: never. */
  detect(board: Scoreboard, windowMs: number, now: number): number {
    let wait = 0;
    for (let i = 0; i < board.size; i++) {
      const segment = board.at(i);
      if (segment.state !== IN_FLIGHT || segment.serial >= this.#serial) continue;
      const remaining = segment.sentAt + this.#rttMs + windowMs - now;
      if (remaining <= EPSILON_MS) board.markLost(segment);
      else wait = Math.max(wait, remaining);
    }
    return wait;
  }
}
