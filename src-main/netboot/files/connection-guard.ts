import type { Clock, Timer } from '../../base/clock.ts';

/** How long a client may take, by what it is doing. */
export const CONNECTION_LIMITS = {
  /** From the connection to the end of the first request's header. */
  firstRequestMs: 15_000,
  /** From one answer to the next request. */
  idleMs: 60_000,
  /** Without taking a single byte of an answer. */
  stalledMs: 60_000,
} as const;

/** Ends a connection whose client is too slow, so that a thousand of them can't hold the server. */
export class ConnectionGuard {
  readonly #clock: Clock;
  readonly #onTooSlow: () => void;
  #deadline: number;
  #timer: Timer | null = null;
  #timerAt = 0;

  constructor(clock: Clock, onTooSlow: () => void) {
    this.#clock = clock;
    this.#onTooSlow = onTooSlow;
    this.#deadline = 0;
    this.#allow(CONNECTION_LIMITS.firstRequestMs);
  }

  /** A request has come, or a byte of its answer was taken. */
  progress(): void {
    this.#allow(CONNECTION_LIMITS.stalledMs);
  }

  /** The answer is complete. */
  idle(): void {
    this.#allow(CONNECTION_LIMITS.idleMs);
  }

  dispose(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  #allow(ms: number): void {
    if (this.#deadline === Number.POSITIVE_INFINITY) return;
    this.#deadline = this.#clock.now() + ms;
    // A pending timer is left to fire early: it looks at the deadline again.
    if (!this.#timer || this.#timerAt > this.#deadline) this.#arm();
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timerAt = this.#deadline;
    this.#timer = this.#clock.after(this.#deadline - this.#clock.now(), () => {
      this.#timer = null;
      if (this.#clock.now() < this.#deadline) this.#arm();
      else this.#onTooSlow();
    });
  }
}
