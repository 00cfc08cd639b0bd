import { type Clock, sleep } from '../../../../base/clock.ts';

/** Below this share of real time nothing that waits for others goes: answers take their time at any scale. */
const LEAST_PATIENCE = 0.25;

/**
 * How fast a simulated PC lives. Its own work (self-test, decompression) takes `scale` of the real time, down to
 * none; waiting for others (retries) shrinks too, but never below a quarter. Leases run in real time.
 */
export class Pace {
  readonly scale: number;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;

  constructor(scale: number, clock: Clock, signal: AbortSignal) {
    this.scale = Math.max(0, scale);
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Spends `realMs` of the PC's own time. Rejects when the power goes. */
  async work(realMs: number): Promise<void> {
    this.#signal.throwIfAborted();
    const ms = realMs * this.scale;
    if (ms > 0) await sleep(this.#clock, ms, this.#signal);
  }

  /** Milliseconds to wait for somebody's answer where the real machine waits `realMs`. */
  patience(realMs: number): number {
    return realMs * Math.max(this.scale, LEAST_PATIENCE);
  }

  /** Waits before trying again. Rejects when the power goes. */
  async retry(realMs: number): Promise<void> {
    await sleep(this.#clock, this.patience(realMs), this.#signal);
  }
}
