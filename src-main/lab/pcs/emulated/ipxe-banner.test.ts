import { expect, test } from 'vitest';
import { ManualClock } from '../../../base/clock.ts';
import type { Screen } from '../screen.ts';
import { skipIpxeBanner } from './ipxe-banner.ts';

function text(line: string): Screen {
  const cells = new Uint16Array(80 * 25).fill(32);
  for (let i = 0; i < line.length; i++) cells[80 * 3 + i] = line.charCodeAt(i);
  return { kind: 'text', columns: 80, rows: 25, cells };
}

function watch() {
  const clock = new ManualClock();
  const typed: string[] = [];
  const state: { shown: Screen } = { shown: { kind: 'blank' } };
  const skipping = skipIpxeBanner({
    clock,
    screen: async () => state.shown,
    type: async (keys) => void typed.push(keys),
  });
  const pass = async (ms: number) => {
    for (let at = 0; at < ms; at += 10) {
      clock.advance(10);
      await Promise.resolve()
        .then(() => {})
        .then(() => {});
    }
  };
  return { clock, typed, state, skipping, pass };
}

test('one key, when the banner is there and not before', async () => {
  const { typed, state, pass, clock } = watch();
  state.shown = text('SeaBIOS (version 1.16.2)');
  await pass(500);
  expect(typed).toEqual([]);
  state.shown = text('Press Ctrl-B for the iPXE command line...');
  await pass(500);
  expect(typed).toEqual([' ']);
  expect(clock.pending).toBe(0);
});

test('gives up when no banner comes', async () => {
  const { typed, pass, clock } = watch();
  await pass(9000);
  expect(typed).toEqual([]);
  expect(clock.pending).toBe(0);
});

test('stops when told to', async () => {
  const { typed, state, skipping, pass, clock } = watch();
  await pass(100);
  skipping.dispose();
  state.shown = text('Press Ctrl-B for the iPXE command line...');
  await pass(500);
  expect(typed).toEqual([]);
  expect(clock.pending).toBe(0);
});
