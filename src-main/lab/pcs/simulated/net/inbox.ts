import type { Clock } from '../../../../base/clock.ts';

/** Messages that arrived and wait to be taken, at most `limit`: a flood is dropped. */
export class Inbox<T> {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #limit: number;
  readonly #waiting: T[] = [];
  #taker: ((message: T) => void) | null = null;

  constructor(clock: Clock, signal: AbortSignal, limit = 64) {
    this.#clock = clock;
    this.#signal = signal;
    this.#limit = limit;
  }

  put(message: T): void {
    if (this.#taker) this.#taker(message);
    else if (this.#waiting.length < this.#limit) this.#waiting.push(message);
  }

  /** The next message, or null when none came within `timeoutMs`. Rejects when the signal is aborted. */
  take(timeoutMs: number): Promise<T | null> {
    return new Promise((resolve, reject) => {
      if (this.#signal.aborted) return reject(this.#signal.reason);
      const first = this.#waiting.shift();
      if (first !== undefined) return resolve(first);
      const settle = () => {
        this.#taker = null;
        timer.cancel();
        this.#signal.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        settle();
        reject(this.#signal.reason);
      };
      const timer = this.#clock.after(Math.max(0, timeoutMs), () => {
        settle();
        resolve(null);
      });
      this.#signal.addEventListener('abort', onAbort, { once: true });
      this.#taker = (message) => {
        settle();
        resolve(message);
      };
    });
  }
}
