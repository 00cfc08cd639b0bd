import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Reassembly } from './reassembly.ts';

const valueAt = (position: number) => (position * 7) & 255;
const run = (start: number, length: number) => Uint8Array.from({ length }, (_, i) => valueAt(start + i));

describe('reassembly', () => {
  it('gives back exactly the bytes that follow, from pieces in any order and overlap', () => {
    const piece = fc.tuple(fc.integer({ min: 10, max: 200 }), fc.integer({ min: 1, max: 40 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 0, max: 120 }), (pieces, from) => {
        const reassembly = new Reassembly();
        const present = new Set<number>();
        for (const [start, length] of pieces) {
          expect(reassembly.insert(start, run(start, length))).toBe(true);
          for (let i = 0; i < length; i++) present.add(start + i);
          const ranges = reassembly.ranges();
          expect(ranges.length).toBeLessThanOrEqual(4);
          // The latest piece is told first, and all that is told is true.
          expect(ranges[0]?.start).toBeLessThanOrEqual(start);
          expect(ranges[0]?.end).toBeGreaterThanOrEqual(start + length);
          for (const { start: left, end } of ranges) {
            for (let i = left; i < end; i++) expect(present.has(i)).toBe(true);
            expect([present.has(left - 1), present.has(end)]).toEqual([false, false]);
          }
        }
        // Whoever takes has everything before `from`.
        const first = Math.min(...present);
        const taken = Buffer.concat(reassembly.take(from));
        let end = from;
        if (first <= from) while (present.has(end)) end++;
        expect(new Uint8Array(taken)).toEqual(run(from, end - from));
      }),
      { numRuns: 500 },
    );
  });

  it('keeps what a peer of tiny segments can make it hold within bounds', () => {
    const reassembly = new Reassembly();
    let kept = 0;
    for (let i = 0; i < 5000; i++) if (reassembly.insert(i * 2, Uint8Array.of(1))) kept++;
    expect(kept).toBe(256);
    const one = new Reassembly();
    for (let i = 0; i < 10_000; i++) one.insert(1000 + i, Uint8Array.of(1));
    expect(Buffer.concat(one.take(1000)).length).toBe(4096);
    expect(one.empty).toBe(true);
  });
});
