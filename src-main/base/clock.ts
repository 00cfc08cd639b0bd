/**
 * Time as a parameter. Everything that waits takes a `Clock`, so tests move time themselves
 * and a simulated PC can run faster than the wall.
 */

/** A pending timer; `cancel` after it fired does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds with fractions; only differences mean something. */
  now(): number;
  /** Wall-clock milliseconds since 1970-01-01 UTC. */
  wallNow(): number;
  /** Calls `callback` once, `delayMs` from now. */
  after(delayMs: number, callback: () => void): Timer;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after(delayMs, callback) {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `delayMs` on `clock`; rejects with the signal's reason when it is aborted first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

interface Waiting {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until `advance` is called; timers fire in order of time, then of creation. */
export class ManualClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #wallStart: number;
  readonly #waiting = new Set<Waiting>();

  constructor(wallStart = Date.UTC(2026, 0, 1)) {
    this.#wallStart = wallStart;
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#wallStart + this.#now;
  }

  after(delayMs: number, callback: () => void): Timer {
    const entry: Waiting = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#waiting.add(entry);
    return { cancel: () => this.#waiting.delete(entry) };
  }

  /** How many timers are pending: tests use it to prove that nothing was left running. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** Milliseconds until the next timer, or null when none is pending. */
  get untilNext(): number | null {
    const next = this.#next();
    return next ? next.at - this.#now : null;
  }

  /** Moves time forward, firing every timer that falls due, including those set meanwhile. */
  advance(ms: number): void {
    const target = this.#now + ms;
    for (let next = this.#next(); next && next.at <= target; next = this.#next()) {
      this.#waiting.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = target;
  }

  #next(): Waiting | null {
    let best: Waiting | null = null;
    for (const entry of this.#waiting)
      if (!best || entry.at < best.at || (entry.at === best.at && entry.order < best.order)) best = entry;
    return best;
  }
}
