import { describe, expect, it } from 'vitest';
import { RttEstimator } from './rtt-estimator.ts';

describe('the retransmission timeout (RFC 6298)', () => {
  it('is one second before the first measurement', () => {
    expect(new RttEstimator(200, 8000).rtoMs).toBe(1000);
  });

  it('follows the first and the second measurement as §2.2 and §2.3 say', () => {
    const rtt = new RttEstimator(1, 60_000);
    rtt.sample(100);
    expect(rtt.rtoMs).toBe(100 + 4 * 50);
    rtt.sample(200);
    const variation = 0.75 * 50 + 0.25 * 100;
    expect(rtt.smoothedMs).toBe(0.875 * 100 + 0.125 * 200);
    expect(rtt.rtoMs).toBe(112.5 + 4 * variation);
  });

  it('stays within its bounds', () => {
    const rtt = new RttEstimator(200, 8000);
    rtt.sample(0.1);
    expect(rtt.rtoMs).toBe(200);
    for (let i = 0; i < 50; i++) rtt.backOff();
    expect(rtt.rtoMs).toBe(8000);
  });

  it('doubles with every timeout and forgets that when data is acknowledged', () => {
    const rtt = new RttEstimator(200, 8000);
    rtt.sample(10);
    rtt.backOff();
    rtt.backOff();
    expect(rtt.rtoMs).toBe(800);
    rtt.recover();
    expect(rtt.rtoMs).toBe(200);
  });
});
