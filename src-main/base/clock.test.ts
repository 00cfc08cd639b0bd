import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock, sleep, systemClock } from './clock.ts';

describe('ManualClock', () => {
  it('fires in order of time, then of creation, each at its own time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), (delays) => {
        const clock = new ManualClock();
        const fired: { i: number; at: number }[] = [];
        delays.forEach((delay, i) => void clock.after(delay, () => fired.push({ i, at: clock.now() })));
        clock.advance(100);
        const expected = delays.map((at, i) => ({ i, at })).sort((a, b) => a.at - b.at || a.i - b.i);
        expect(fired).toEqual(expected);
        expect([clock.now(), clock.pending]).toEqual([100, 0]);
      }),
    );
  });

  it('fires timers that are set meanwhile, and not those cancelled', () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    const cancelled = clock.after(6, () => fired.push('cancelled'));
    clock.after(5, () => {
      fired.push('first');
      cancelled.cancel();
      clock.after(3, () => fired.push('second'));
      clock.after(10, () => fired.push('too late'));
    });
    expect(clock.untilNext).toBe(5);
    clock.advance(10);
    expect(fired).toEqual(['first', 'second']);
    expect([clock.pending, clock.untilNext]).toEqual([1, 5]);
    cancelled.cancel();
  });

  it('moves the wall clock with it', () => {
    const clock = new ManualClock(1000);
    clock.advance(2.5);
    expect(clock.wallNow()).toBe(1002.5);
    expect(clock.untilNext).toBe(null);
  });
});

describe('sleep', () => {
  it('waits on the clock it is given', async () => {
    const clock = new ManualClock();
    let woken = false;
    const sleeping = sleep(clock, 10).then(() => {
      woken = true;
    });
    clock.advance(9);
    await Promise.resolve();
    expect(woken).toBe(false);
    clock.advance(1);
    await sleeping;
  });

  it('ends with the reason of its signal, and leaves no timer', async () => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const sleeping = sleep(clock, 10, abort.signal);
    abort.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
    await expect(sleep(clock, 10, abort.signal)).rejects.toThrow('enough');
    expect(clock.pending).toBe(0);
  });
});

describe('systemClock', () => {
  it('moves on, fires, and can be cancelled', async () => {
    const before = systemClock.now();
    let cancelled = true;
    systemClock.after(0, () => (cancelled = false)).cancel();
    await new Promise<void>((resolve) => void systemClock.after(5, resolve));
    expect(systemClock.now()).toBeGreaterThan(before);
    expect(cancelled).toBe(true);
    expect(systemClock.wallNow()).toBeGreaterThan(Date.UTC(2024, 0, 1));
  });
});
