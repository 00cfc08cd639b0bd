import type { Clock } from '../../../base/clock.ts';
import type { ControlBlock } from './control-block.ts';
import { DeadlineTimer } from './deadline-timer.ts';

const INTERVAL_MS = 10_000;
const MAX_PROBES = 5;

/** Asks a silent peer now and then whether it is still there, RFC 9293 §3.8.4. */
export class KeepAlive {
  readonly #block: ControlBlock;
  readonly #idleMs: number;
  readonly #timer: DeadlineTimer;
  #probes = 0;

  constructor(clock: Clock, block: ControlBlock, idleMs: number) {
    this.#block = block;
    this.#idleMs = idleMs;
    this.#timer = new DeadlineTimer(clock, (now) => this.#check(now));
    const now = clock.now();
    this.#timer.set(now + idleMs, now);
  }

  stop(): void {
    this.#timer.stop();
  }

  #check(now: number): void {
    const due = this.#block.heardAt + this.#idleMs;
    if (due > now) {
      this.#probes = 0;
      return void this.#timer.set(due, now);
    }
    if (this.#probes >= MAX_PROBES) return void this.#block.giveUp();
    // Data on the way is probe enough.
    if (this.#block.idle) {
      this.#probes++;
      this.#block.probe();
    }
    this.#timer.set(now + INTERVAL_MS, now);
  }
}
