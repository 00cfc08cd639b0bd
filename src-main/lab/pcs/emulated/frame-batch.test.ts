import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FrameBatch, framesOf } from './frame-batch.ts';

const frame = fc.uint8Array({ minLength: 1, maxLength: 2000 });

it('carries frames across in order', () => {
  fc.assert(
    fc.property(fc.array(fc.array(frame, { maxLength: 20 }), { maxLength: 3 }), (batches) => {
      const batch = new FrameBatch();
      for (const frames of batches) {
        for (const one of frames) batch.add(one);
        expect(batch.empty).toBe(frames.length === 0);
        expect([...framesOf(batch.take())]).toEqual(frames);
      }
    }),
  );
});

it('grows past its first size, and starts anew after each take', () => {
  const batch = new FrameBatch();
  const big = new Uint8Array(0xffff).fill(7);
  for (let i = 0; i < 5; i++) batch.add(big);
  expect([...framesOf(batch.take())]).toHaveLength(5);
  expect(batch.take()).toHaveLength(0);
});

it('leaves out what no Ethernet carries', () => {
  const batch = new FrameBatch();
  batch.add(new Uint8Array(0));
  batch.add(new Uint8Array(0x10000));
  expect(batch.empty).toBe(true);
});

it('never throws on random bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const total = [...framesOf(bytes)].reduce((sum, one) => sum + 2 + one.length, 0);
      expect(total).toBeLessThanOrEqual(bytes.length);
    }),
  );
});
