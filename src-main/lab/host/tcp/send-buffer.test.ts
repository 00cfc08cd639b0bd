import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SendBuffer } from './send-buffer.ts';

describe('the send buffer', () => {
  it('behaves like a queue of bytes with places, whatever is appended, released and read', () => {
    const step = fc.oneof(
      fc.record({ append: fc.integer({ min: 0, max: 30_000 }) }),
      fc.record({ release: fc.integer({ min: 0, max: 40_000 }) }),
      fc.record({ read: fc.tuple(fc.nat(100_000), fc.nat(3000)) }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 5000, max: 70_000 }),
        fc.array(step, { maxLength: 60 }),
        (limit, steps) => {
          const buffer = new SendBuffer(limit);
          const valueAt = (position: number) => (position * 31 + (position >> 8)) & 255;
          let start = 1;
          let end = 1;
          for (const one of steps) {
            if ('append' in one) {
              const data = Uint8Array.from({ length: one.append + 3 }, (_, i) => valueAt(end + i - 3));
              const taken = buffer.append(data, 3);
              expect(taken).toBe(Math.min(one.append, limit - (end - start)));
              end += taken;
            } else if ('release' in one) {
              start = Math.max(start, Math.min(end, start + one.release));
              buffer.release(start);
            } else if (end > start) {
              const position = start + (one.read[0] % (end - start));
              const length = Math.min(one.read[1], end - position);
              const target = new Uint8Array(length + 7);
              buffer.copyTo(target, 5, position, length);
              expect(target.subarray(5, 5 + length)).toEqual(
                Uint8Array.from({ length }, (_, i) => valueAt(position + i)),
              );
            }
            expect([buffer.end, buffer.length, buffer.room]).toEqual([
              end,
              end - start,
              limit - (end - start),
            ]);
          }
        },
      ),
    );
  });
});
