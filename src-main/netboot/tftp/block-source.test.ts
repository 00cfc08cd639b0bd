import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BootFile } from '../ports.ts';
import { BlockSource } from './block-source.ts';

function fileOf(bytes: Uint8Array, chunkBytes: number, size = bytes.length): BootFile & { reads: number } {
  const file = {
    size,
    reads: 0,
    open: () => {
      let at = 0;
      return new Readable({
        highWaterMark: chunkBytes,
        read() {
          file.reads++;
          const chunk = bytes.subarray(at, at + chunkBytes);
          at += chunk.length;
          this.push(chunk.length > 0 ? Buffer.from(chunk) : null);
        },
      });
    },
  };
  return file;
}

const pattern = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 255);

/** Waits until the bytes before `end` are there. */
function ready(source: BlockSource, signal: { wake: () => void }, end: number): Promise<void> {
  if (source.has(end)) return Promise.resolve();
  return new Promise((resolve) => {
    signal.wake = () => {
      if (!source.has(end)) return;
      signal.wake = () => {};
      resolve();
    };
  });
}

test('any walk over the file, with repeats, reads its bytes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 3000 }),
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 700 }),
      async (size, chunkBytes, step) => {
        const bytes = pattern(size);
        const signal = { wake: () => {} };
        const source = new BlockSource(
          fileOf(bytes, chunkBytes),
          step,
          () => signal.wake(),
          (problem) => expect.fail(problem),
        );
        for (let at = 0; at <= size; at += step) {
          await ready(source, signal, at + step);
          for (let repeat = 0; repeat < 2; repeat++) {
            const target = new Uint8Array(step);
            const count = source.copy(target, 0, at, at + step);
            expect(target.subarray(0, count)).toEqual(bytes.subarray(at, at + step));
          }
          source.release(at);
        }
        source.dispose();
      },
    ),
    { numRuns: 30 },
  );
});

test('no more than the read-ahead is taken from a large file', async () => {
  const file = fileOf(pattern(4 << 20), 64 << 10);
  const signal = { wake: () => {} };
  const source = new BlockSource(
    file,
    1024,
    () => signal.wake(),
    () => {},
  );
  await ready(source, signal, 1024);
  await new Promise(setImmediate);
  expect(file.reads).toBeLessThanOrEqual(4);
  source.dispose();
});

test('a file that ends early is a failure', async () => {
  const problem = await new Promise<string>((resolve) => {
    new BlockSource(fileOf(pattern(10), 5, 20), 512, () => {}, resolve);
  });
  expect(problem).toBe('ended after 10 of 20 bytes');
});

test('an empty file is never opened', () => {
  const file: BootFile = { size: 0, open: () => expect.fail('opened') };
  expect(
    new BlockSource(
      file,
      512,
      () => {},
      () => {},
    ).has(512),
  ).toBe(true);
});
