import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Random } from '../../src-main/base/random.ts';

/** How many inputs a fuzz run throws at each target; CI throws a million. */
export const FUZZ_INPUTS = Number(
  process.env.FUZZ_INPUTS ?? (process.env.CI === 'true' ? 1_000_000 : 50_000),
);
/** The same seed gives the same inputs. */
export const FUZZ_SEED = Number(process.env.FUZZ_SEED ?? 1);

const LONGEST = 600;
const EDGE_BYTES = [0, 1, 4, 5, 6, 127, 128, 254, 255] as const;

/**
 * A hostile input: noise, or one of `samples` with flipped, spliced, repeated or cut bytes and extreme length
 * fields. `scratch` is overwritten; the result is a view of it.
 */
export function hostileInput(
  random: Random,
  samples: readonly Uint8Array[],
  scratch: Uint8Array,
): Uint8Array {
  const choice = random.u32();
  const sample = samples[choice % Math.max(1, samples.length)];
  if (!sample || choice % 8 === 0) return noise(random, scratch);
  let length = Math.min(sample.length, scratch.length);
  scratch.set(sample.subarray(0, length));
  for (let edits = 1 + ((choice >>> 8) % 6); edits > 0 && length > 0; edits--) {
    const edit = random.u32();
    const at = (edit >>> 4) % length;
    switch (edit % 5) {
      case 0:
        scratch[at] = edit >>> 20;
        break;
      case 1:
        scratch[at] = EDGE_BYTES[(edit >>> 20) % EDGE_BYTES.length] ?? 0;
        break;
      case 2:
        length = at;
        break;
      case 3:
        scratch.copyWithin(at, (edit >>> 16) % length, length);
        break;
      default:
        scratch[at] = (scratch[at] ?? 0) ^ (1 << ((edit >>> 20) & 7));
    }
  }
  return scratch.subarray(0, length);
}

function noise(random: Random, scratch: Uint8Array): Uint8Array {
  const length = random.u32() % LONGEST;
  for (let i = 0; i < length; i += 4) {
    const word = random.u32();
    scratch[i] = word;
    scratch[i + 1] = word >>> 8;
    scratch[i + 2] = word >>> 16;
    scratch[i + 3] = word >>> 24;
  }
  return scratch.subarray(0, length);
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Heap in use after a collection. */
export function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** Resolves after all that waits for a turn of the event loop. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Runs `work` and returns every error meanwhile that nobody caught. */
export async function escapedFrom(work: () => Promise<void>): Promise<unknown[]> {
  const escaped: unknown[] = [];
  const note = (error: unknown) => void escaped.push(error);
  const events = ['uncaughtException', 'unhandledRejection'];
  for (const event of events) process.on(event, note);
  try {
    await work();
    await turn();
  } finally {
    for (const event of events) process.off(event, note);
  }
  return escaped;
}

/**
 * Fails when the heap grows over the last four fifths of a run: by then tables and caches are as full as they get.
 * Call `after` with the number of each input.
 */
export class HeapWatch {
  readonly #inputs: number;
  #before = 0;

  constructor(inputs: number) {
    this.#inputs = inputs;
  }

  after(input: number): void {
    if (input === Math.floor(this.#inputs / 5)) this.#before = heapBytes();
  }

  get grownBytes(): number {
    return heapBytes() - this.#before;
  }
}
