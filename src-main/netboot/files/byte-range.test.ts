import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRange } from './byte-range.ts';

test.each([
  ['bytes=0-0', 0, 0],
  ['bytes=0-', 0, 99],
  ['bytes=10-19', 10, 19],
  ['bytes=90-1000', 90, 99],
  ['bytes=-5', 95, 99],
  ['bytes=-1000', 0, 99],
  ['Bytes=5-6', 5, 6],
])('%s of 100 bytes is %d to %d', (header, start, end) => {
  expect(parseRange(header, 100)).toEqual({ kind: 'part', start, end });
});

test.each(['bytes=100-', 'bytes=1000-2000', 'bytes=-0'])('%s of 100 bytes is unsatisfiable', (header) => {
  expect(parseRange(header, 100)).toEqual({ kind: 'unsatisfiable' });
});

test.each([
  undefined,
  '',
  'bytes=',
  'bytes=-',
  'bytes=5-4',
  'bytes=0-1,3-4',
  'lines=1-2',
  'bytes=a-b',
  '0-1',
])('%s is ignored', (header) => expect(parseRange(header, 100)).toEqual({ kind: 'whole' }));

test('a part is always inside the file', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), fc.nat(), fc.nat(), (noise, a, b, size) => {
      for (const header of [noise, `bytes=${a}-${b}`, `bytes=-${a}`, `bytes=${noise}`]) {
        const range = parseRange(header, size);
        if (range.kind !== 'part') continue;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.start).toBeLessThanOrEqual(range.end);
        expect(range.end).toBeLessThan(size);
      }
    }),
  );
});
