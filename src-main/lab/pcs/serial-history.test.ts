import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SerialHistory } from './serial-history.ts';

it('keeps the last bytes, however they came', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 })),
      fc.integer({ min: 1, max: 500 }),
      (chunks, limit) => {
        const history = new SerialHistory(limit);
        for (const chunk of chunks) history.add(chunk);
        const all = chunks.flatMap((chunk) => [...chunk]);
        expect([...history.bytes()]).toEqual(all.slice(-limit));
      },
    ),
  );
});

it('stays small when fed single bytes for long', () => {
  const history = new SerialHistory(64);
  for (let i = 0; i < 10_000; i++) history.add(Uint8Array.of(i & 255));
  expect(history.bytes()).toHaveLength(64);
  expect(history.bytes().at(-1)).toBe(9999 & 255);
});

it('forgets everything when cleared', () => {
  const history = new SerialHistory();
  history.add(Uint8Array.of(1));
  history.clear();
  expect(history.bytes()).toHaveLength(0);
});

it('hands out copies', () => {
  const history = new SerialHistory();
  history.add(Uint8Array.of(1, 2));
  history.bytes().fill(0);
  expect([...history.bytes()]).toEqual([1, 2]);
});
