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

/** Heap in use after a collection, where Node was started with --expose-gc; otherwise as it is. */
export function heapBytes(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().heapUsed;
}
