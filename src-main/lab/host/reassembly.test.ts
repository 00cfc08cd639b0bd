import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ipv4 } from '../../base/address.ts';
import { ManualClock } from '../../base/clock.ts';
import type { Ipv4Packet } from '../../protocol/ipv4.ts';
import { newHostCounters } from './host-counters.ts';
import { Reassembly } from './reassembly.ts';

function fragment(identification: number, start: number, length: number, more: boolean): Ipv4Packet {
  return {
    source: 1 as Ipv4,
    destination: 2 as Ipv4,
    protocol: 17,
    ttl: 64,
    identification,
    dontFragment: false,
    moreFragments: more,
    fragmentOffset: start,
    payloadStart: start,
    payloadEnd: start + length,
  };
}

describe('Reassembly', () => {
  it('gives the whole back, whatever the order and however often a fragment comes', () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 8 });
    fc.assert(
      fc.property(
        cuts,
        fc.integer({ min: 1, max: 8 }),
        fc.infiniteStream(fc.nat(1000)),
        (at, tail, random) => {
          const ends = [...at.sort((x, y) => x - y).map((n) => n * 8), 800 + tail];
          const whole = Uint8Array.from({ length: 800 + tail }, (_, i) => i % 256);
          const parts = ends.map((end, i) => {
            const start = ends[i - 1] ?? 0;
            return fragment(7, start, end - start, i < ends.length - 1);
          });
          const shuffled = [...parts, ...parts.slice(0, -1)]
            .map((part) => ({ part, key: random.next().value as number }))
            .sort((x, y) => x.key - y.key)
            .map(({ part }) => part);
          const reassembly = new Reassembly(new ManualClock(), newHostCounters());
          const results = [...shuffled, ...parts].map((part) => reassembly.add(whole, part)).filter(Boolean);
          expect(results[0]).toEqual(whole);
        },
      ),
    );
  });

  it('drops a datagram whose fragments overlap', () => {
    const counters = newHostCounters();
    const reassembly = new Reassembly(new ManualClock(), counters);
    const bytes = new Uint8Array(100);
    reassembly.add(bytes, fragment(1, 0, 16, true));
    reassembly.add(bytes, fragment(1, 8, 16, true));
    expect(reassembly.size).toBe(0);
    expect(counters.reassemblyFailures).toBe(1);
  });

  it('refuses what would exceed 64 KiB, and a fragment behind the end', () => {
    const reassembly = new Reassembly(new ManualClock(), newHostCounters());
    const bytes = new Uint8Array(70_000);
    expect(reassembly.add(bytes, fragment(1, 65_512, 1480, false))).toBe(null);
    reassembly.add(bytes, fragment(2, 8, 8, false));
    reassembly.add(bytes, fragment(2, 16, 8, true));
    expect(reassembly.size).toBe(0);
  });

  it('is bounded, and forgets what stayed incomplete', () => {
    const clock = new ManualClock();
    const reassembly = new Reassembly(clock, newHostCounters());
    for (let i = 0; i < 1000; i++) reassembly.add(new Uint8Array(8), fragment(i, 0, 8, true));
    expect(reassembly.size).toBeLessThanOrEqual(32);
    clock.advance(30_001);
    reassembly.add(new Uint8Array(8), fragment(5000, 0, 8, true));
    expect(reassembly.size).toBe(1);
  });

  it('takes any fragments', () => {
    const any = fc.record({ id: fc.nat(3), start: fc.nat(9000), length: fc.nat(1500), more: fc.boolean() });
    fc.assert(
      fc.property(fc.array(any), (steps) => {
        const reassembly = new Reassembly(new ManualClock(), newHostCounters());
        const bytes = new Uint8Array(80_000);
        for (const { id, start, length, more } of steps)
          reassembly.add(bytes, fragment(id, start * 8, length, more));
        expect(reassembly.size).toBeLessThanOrEqual(4);
      }),
    );
  });
});
