import { expect, test } from 'vitest';
import { ManualClock } from '../../base/clock.ts';
import { CONNECTION_LIMITS, ConnectionGuard } from './connection-guard.ts';

function guarded() {
  const clock = new ManualClock();
  const state = { slow: 0 };
  return { clock, state, guard: new ConnectionGuard(clock, () => state.slow++) };
}

test('a client that never finishes its first request is too slow', () => {
  const { clock, state } = guarded();
  clock.advance(CONNECTION_LIMITS.firstRequestMs - 1);
  expect(state.slow).toBe(0);
  clock.advance(1);
  expect(state.slow).toBe(1);
  expect(clock.pending).toBe(0);
});

test('progress moves the limit, however slow the whole is', () => {
  const { clock, state, guard } = guarded();
  for (let i = 0; i < 100; i++) {
    guard.progress();
    clock.advance(CONNECTION_LIMITS.stalledMs - 1);
  }
  expect(state.slow).toBe(0);
  expect(clock.pending).toBe(1);
  clock.advance(1);
  expect(state.slow).toBe(1);
});

test('an idle connection is kept for a while', () => {
  const { clock, state, guard } = guarded();
  guard.progress();
  guard.idle();
  clock.advance(CONNECTION_LIMITS.idleMs - 1);
  expect(state.slow).toBe(0);
  clock.advance(1);
  expect(state.slow).toBe(1);
});

test('nothing is left after dispose', () => {
  const { clock, state, guard } = guarded();
  guard.dispose();
  guard.progress();
  clock.advance(1e9);
  expect(state.slow).toBe(0);
  expect(clock.pending).toBe(0);
});
