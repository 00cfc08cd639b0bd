import { describe, expect, it } from 'vitest';
import { NewReno } from './congestion.ts';

const MSS = 1000;

describe('the congestion window', () => {
  it('starts with ten segments and doubles in slow start', () => {
    const congestion = new NewReno(MSS, Number.POSITIVE_INFINITY);
    expect(congestion.window).toBe(10 * MSS);
    for (let i = 0; i < 10; i++) congestion.acknowledged(MSS, false);
    expect(congestion.window).toBe(20 * MSS);
  });

  it('halves the flight at a loss, then grows by one segment a round trip', () => {
    const congestion = new NewReno(MSS, Number.POSITIVE_INFINITY);
    congestion.lost(20 * MSS);
    expect(congestion.window).toBe(10 * MSS);
    for (let i = 0; i < 10; i++) congestion.acknowledged(MSS, false);
    expect(congestion.window).toBe(11 * MSS);
    congestion.lost(MSS);
    expect(congestion.window).toBe(2 * MSS);
  });

  it('falls to one segment at a timeout, and does not halve twice for the same data', () => {
    const congestion = new NewReno(MSS, Number.POSITIVE_INFINITY);
    congestion.timedOut(16 * MSS, false);
    expect(congestion.window).toBe(MSS);
    congestion.timedOut(MSS, true);
    for (let i = 0; i < 7; i++) congestion.acknowledged(5 * MSS, true);
    expect(congestion.window).toBe(8 * MSS);
    congestion.acknowledged(MSS, true);
    expect(congestion.window).toBe(8 * MSS);
  });

  it('never passes its cap', () => {
    const congestion = new NewReno(1460, 11_680);
    for (let i = 0; i < 100; i++) congestion.acknowledged(14_600, false);
    expect(congestion.window).toBe(11_680);
    expect(new NewReno(1460, 500).window).toBe(1460);
  });
});
