import fc from 'fast-check';
import { expect, test } from 'vitest';
import { screenLines } from '../../screen.ts';
import { TextConsole } from './text-console.ts';

function linesOf(...writes: string[]): string[] {
  const console = new TextConsole();
  for (const text of writes) console.write(text);
  return screenLines(console.snapshot());
}

test('writes lines, wraps at column 80 and scrolls at row 25', () => {
  expect(linesOf('one\ntwo').slice(0, 3)).toEqual(['one', 'two', '']);
  expect(linesOf('x'.repeat(81)).slice(0, 2)).toEqual(['x'.repeat(80), 'x']);
  const scrolled = linesOf(...Array.from({ length: 30 }, (_, i) => `line ${i}\n`));
  expect(scrolled[0]).toBe('line 6');
  expect(scrolled[23]).toBe('line 29');
  expect(scrolled[24]).toBe('');
});

test('a full line followed by a line feed leaves no empty line', () => {
  expect(linesOf(`${'x'.repeat(80)}\nnext`).slice(0, 2)).toEqual(['x'.repeat(80), 'next']);
});

test('carriage return, backspace and tab move the cursor', () => {
  expect(linesOf('progress 10%\rprogress 99%\b!')[0]).toBe('progress 99!');
  expect(linesOf('a\tb')[0]).toBe('a       b');
});

test('colours become VGA attributes, even when a sequence is split', () => {
  const console = new TextConsole();
  console.write('\x1b[1;3');
  console.write('1mR\x1b[0mn\x1b[44m \x1b[2Jq');
  const { cells } = console.snapshot();
  expect(Array.from(cells.slice(0, 4))).toEqual([0x0c52, 0x076e, 0x1720, 0x1771]);
});

test('knows CP437 and marks what it lacks', () => {
  expect(linesOf('║é☃')[0]).toBe('║é?');
});

test('any text leaves a whole screen', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (writes) => {
      expect(linesOf(...writes)).toHaveLength(25);
    }),
    { numRuns: 20 },
  );
});

test('is blank until something is written and after a clear', () => {
  const console = new TextConsole();
  expect(console.blank).toBe(true);
  console.write('x');
  expect(console.blank).toBe(false);
  console.clear();
  expect(console.blank).toBe(true);
});
