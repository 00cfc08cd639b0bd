import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { FUZZ_INPUTS, FUZZ_SEED } from '../support/fuzzing.ts';
import { fuzzTcp } from '../support/tcp-fuzz.ts';

const GROWTH_BYTES = 24 << 20;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

async function heapAfter(inputs: number, seed: number): Promise<number> {
  await fuzzTcp(inputs, seed);
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

test(`the TCP stack holds against ${FUZZ_INPUTS} hostile segments`, { timeout: 600_000 }, async () => {
  const before = await heapAfter(2000, FUZZ_SEED);
  expect((await heapAfter(FUZZ_INPUTS, FUZZ_SEED + 1)) - before).toBeLessThan(GROWTH_BYTES);
});
