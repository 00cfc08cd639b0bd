import type { Clock, Timer } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';

/** What is wrong with one direction of a cable. Rates are probabilities from 0 to 1, each frame on its own. */
export interface Impairment {
  readonly lossRate: number;
  /** One-way delay. */
  readonly delayMs: number;
  /** The delay varies by up to this much either way. Like a queue on a real path, it never reorders. */
  readonly jitterMs: number;
  readonly duplicateRate: number;
  /** Such a frame lets one to three later frames overtake it. */
  readonly reorderRate: number;
  /** Nothing passes. */
  readonly cut: boolean;
}

export const NO_IMPAIRMENT: Impairment = {
  lossRate: 0,
  delayMs: 0,
  jitterMs: 0,
  duplicateRate: 0,
  reorderRate: 0,
  cut: false,
};

export type LinkDrop = 'loss' | 'cut' | 'backlog';

const MAX_OVERTAKING = 3;
/** A frame to be overtaken is let go after this time when nothing follows it. */
const HOLD_LIMIT_MS = 5;
/** Frames that a delayed link holds; more than a gigabit for 50 ms. */
const MAX_BACKLOG = 8192;

interface Waiting {
  readonly frame: Uint8Array;
  readonly at: number;
}

interface Held {
  readonly frame: Uint8Array;
  readonly timer: Timer;
  overtakersLeft: number;
}

/** One direction of an impaired cable. Frames that have to wait are copied. */
export class ImpairedLink {
  readonly impairment: Impairment;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #forward: (frame: Uint8Array) => void;
  readonly #onDrop: (reason: LinkDrop) => void;
  #line: Waiting[] = [];
  #lineTimer: Timer | null = null;
  readonly #held = new Set<Held>();

  constructor(
    impairment: Impairment,
    clock: Clock,
    random: Random,
    forward: (frame: Uint8Array) => void,
    onDrop: (reason: LinkDrop) => void,
  ) {
    this.impairment = impairment;
    this.#clock = clock;
    this.#random = random;
    this.#forward = forward;
    this.#onDrop = onDrop;
  }

  /** Puts a frame on the cable; it comes out later, twice, elsewhere in the order, or not at all. */
  send(frame: Uint8Array): void {
    const { cut, lossRate, duplicateRate, reorderRate } = this.impairment;
    if (cut || this.#happens(lossRate)) {
      this.#onDrop(cut ? 'cut' : 'loss');
      return;
    }
    const copies = this.#happens(duplicateRate) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (this.#happens(reorderRate)) this.#hold(frame);
      else this.#delay(frame);
    }
  }

  /** Loses whatever is still on the way. */
  dispose(): void {
    this.#lineTimer?.cancel();
    this.#lineTimer = null;
    this.#line = [];
    for (const held of this.#held) held.timer.cancel();
    this.#held.clear();
  }

  #happens(rate: number): boolean {
    return rate > 0 && this.#random.float() < rate;
  }

  #hold(frame: Uint8Array): void {
    if (this.#held.size >= MAX_BACKLOG) {
      this.#onDrop('backlog');
      return;
    }
    const held: Held = {
      frame: copyOf(frame),
      overtakersLeft: this.#random.int(1, MAX_OVERTAKING),
      timer: this.#clock.after(HOLD_LIMIT_MS, () => this.#letGo(held)),
    };
    this.#held.add(held);
  }

  #letGo(held: Held): void {
    held.timer.cancel();
    if (this.#held.delete(held)) this.#enqueue(held.frame);
  }

  #delay(frame: Uint8Array): void {
    this.#enqueue(frame);
    for (const held of this.#held) if (--held.overtakersLeft <= 0) this.#letGo(held);
  }

  #enqueue(frame: Uint8Array): void {
    const { delayMs, jitterMs } = this.impairment;
    if (delayMs === 0 && jitterMs === 0) this.#forward(frame);
    else if (this.#line.length >= MAX_BACKLOG) this.#onDrop('backlog');
    else this.#queue(frame, delayMs, jitterMs);
  }

  #queue(frame: Uint8Array, delayMs: number, jitterMs: number): void {
    const jitter = jitterMs === 0 ? 0 : (this.#random.float() * 2 - 1) * jitterMs;
    const wanted = this.#clock.now() + Math.max(0, delayMs + jitter);
    const at = Math.max(wanted, this.#line.at(-1)?.at ?? 0);
    this.#line.push({ frame: copyOf(frame), at });
    this.#lineTimer ??= this.#clock.after(at - this.#clock.now(), () => this.#release());
  }

  #release(): void {
    this.#lineTimer = null;
    const now = this.#clock.now();
    let due = 0;
    while (due < this.#line.length && (this.#line[due]?.at ?? 0) <= now) due++;
    const ready = this.#line.splice(0, due);
    const next = this.#line[0];
    if (next) this.#lineTimer = this.#clock.after(next.at - now, () => this.#release());
    for (const { frame } of ready) this.#forward(frame);
  }
}

function copyOf(frame: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafe(frame.length);
  copy.set(frame);
  return copy;
}
