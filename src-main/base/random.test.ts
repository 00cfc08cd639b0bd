import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { secureRandom, seededRandom, seedOf } from './random.ts';

const FIRST_OF_42 = [551831576, 144025891, 322543647];

describe('seededRandom', () => {
  it('gives the same numbers for the same seed, on every machine', () => {
    const random = seededRandom(42);
    expect([random.u32(), random.u32(), random.u32()]).toEqual(FIRST_OF_42);
    expect(seededRandom(43).u32()).not.toBe(FIRST_OF_42[0]);
  });

  it('is spread evenly enough to deal with', () => {
    const random = seededRandom(7);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) counts[random.int(0, 9)]!++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

describe.each([
  ['seededRandom', seededRandom(1)],
  ['secureRandom', secureRandom],
])('%s', (_name, random) => {
  it('stays in its ranges', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100, max: 100 }), fc.nat(200), fc.nat(40), (min, span, length) => {
        const value = random.int(min, min + span);
        expect(Number.isInteger(value) && value >= min && value <= min + span).toBe(true);
        const float = random.float();
        expect(float >= 0 && float < 1).toBe(true);
        const u32 = random.u32();
        expect(u32 >>> 0).toBe(u32);
        expect(random.bytes(length)).toHaveLength(length);
        expect(['a', 'b', 'c']).toContain(random.pick(['a', 'b', 'c']));
      }),
    );
  });

  it('reaches both ends', () => {
    const seen = new Set(Array.from({ length: 200 }, () => random.int(1, 3)));
    expect([...seen].sort()).toEqual([1, 2, 3]);
  });
});

describe('seedOf', () => {
  it('is FNV-1a', () => {
    expect(seedOf('')).toBe(0x811c9dc5);
    expect(seedOf('foobar')).toBe(0xbf9cf968);
  });
});
