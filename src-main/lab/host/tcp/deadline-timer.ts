import type { Clock, Timer } from '../../../base/clock.ts';

/** A timer this late means that the event loop was held up, and that segments may wait unread in sockets. */
const HELD_UP_MS = 10;
/** Sums of clock readings are not exact: what is due within this is due. */
const EPSILON_MS = 0.01;

/**
 * A timer whose deadline moves with almost every segment: setting it later is a store, and only the one pending
 * clock timer finds out, when it fires, that it has to go on waiting.
 */
export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #onDue: (now: number) => void;
  readonly #onTimer = () => this.#fire();
  #timer: Timer | null = null;
  #firesAt = 0;
  #deadline = Number.POSITIVE_INFINITY;
  #excused = false;

  constructor(clock: Clock, onDue: (now: number) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Clock milliseconds; infinity when unset. */
  get deadline(): number {
    return this.#deadline;
  }

  set(at: number, now: number): void {
    this.#deadline = at;
    if (this.#timer !== null) {
      if (at >= this.#firesAt) return;
      this.#timer.cancel();
    }
    this.#arm(at, now);
  }

  /** Unsets the deadline; the clock timer is left to run out. */
  clear(): void {
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  /** Unsets the deadline and leaves nothing pending. */
  stop(): void {
    this.clear();
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(at: number, now: number): void {
    this.#firesAt = at;
    this.#timer = this.#clock.after(Math.max(0, at - now), this.#onTimer);
  }

  #fire(): void {
    this.#timer = null;
    const now = this.#clock.now();
    if (this.#deadline > now + EPSILON_MS) {
      if (this.#deadline !== Number.POSITIVE_INFINITY) this.#arm(this.#deadline, now);
      return;
    }
    // Event loops run timers before they read sockets: after a hold-up, the segment that would have
    // prevented this is read first. Saves a burst of spurious retransmissions.
    if (now - this.#firesAt > HELD_UP_MS && !this.#excused) {
      this.#excused = true;
      return void this.#arm(now + 1, now);
    }
    this.#excused = false;
    const due = Math.max(now, this.#deadline);
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#onDue(due);
  }
}
