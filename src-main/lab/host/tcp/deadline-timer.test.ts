import { describe, expect, it } from 'vitest';
import { type Clock, ManualClock } from '../../../base/clock.ts';
import { DeadlineTimer } from './deadline-timer.ts';

function setUp() {
  const clock = new ManualClock();
  const fired: number[] = [];
  const timer = new DeadlineTimer(clock, (now) => void fired.push(now));
  return { clock, fired, timer };
}

describe('a deadline timer', () => {
  it('fires at the last deadline that was set, with one clock timer at most', () => {
    const { clock, fired, timer } = setUp();
    for (let at = 100; at <= 500; at += 100) timer.set(at, clock.now());
    expect(clock.pending).toBe(1);
    clock.advance(499);
    expect(fired).toEqual([]);
    clock.advance(1);
    expect(fired).toEqual([500]);
    expect(clock.pending).toBe(0);
  });

  it('fires sooner when the deadline moves closer, and never when it is cleared', () => {
    const { clock, fired, timer } = setUp();
    timer.set(500, 0);
    timer.set(100, 0);
    clock.advance(100);
    expect(fired).toEqual([100]);
    timer.set(300, 100);
    timer.clear();
    clock.advance(1000);
    expect(fired).toEqual([100]);
    timer.set(5000, clock.now());
    timer.stop();
    expect(clock.pending).toBe(0);
  });

  it('lets what waits in sockets go first when the event loop was held up', () => {
    const { clock, fired } = setUp();
    let behind = 0;
    const late: Clock = {
      now: () => clock.now() + behind,
      wallNow: () => clock.wallNow(),
      after: (ms, callback) => clock.after(ms, callback),
    };
    const timer = new DeadlineTimer(late, (now) => void fired.push(now));
    timer.set(200, 0);
    behind = 50;
    clock.advance(200);
    expect(fired).toEqual([]);
    clock.advance(1);
    expect(fired).toEqual([251]);
  });
});
