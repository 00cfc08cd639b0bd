import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toPosition, toSequence } from './sequence.ts';

it('positions survive the wire across any number of wraps', () => {
  const u32 = fc.integer({ min: 0, max: 0xffffffff });
  const position = fc.integer({ min: 0, max: 2 ** 45 });
  const offset = fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(u32, position, offset, (initial, near, away) => {
      const place = near + away;
      expect(toPosition(initial, near, toSequence(initial, place))).toBe(place);
      expect(toSequence(initial, place)).toBe((((initial + place) % 2 ** 32) + 2 ** 32) % 2 ** 32);
    }),
  );
});
