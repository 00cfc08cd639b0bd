import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Mac, mac, writeMac } from '../../base/address.ts';
import { MacTable } from './mac-table.ts';

function bytes(address: number): Uint8Array {
  const out = new Uint8Array(6);
  writeMac(out, 0, address as Mac);
  return out;
}

describe('MacTable', () => {
  it('finds what it learned, and the newest owner', () => {
    const table = new MacTable<string>(1000);
    const address = mac('02:00:00:00:00:01');
    table.learn(bytes(address), 0, 'a', 0);
    table.learn(bytes(address), 0, 'b', 10);
    expect(table.find(bytes(address), 0, 20)).toBe('b');
    expect(table.entries(20)).toEqual([{ mac: address, owner: 'b' }]);
    expect(table.find(bytes(address), 0, 1011)).toBe(null);
  });

  it('never grows: a flood pushes out the oldest, and recent talkers are kept', () => {
    const table = new MacTable<number>(1e9, 16);
    for (let i = 0; i < 10_000; i++) table.learn(bytes(0x020000000000 + i), 0, i, i);
    expect(table.entries(10_000).length).toBeLessThanOrEqual(table.capacity);
    expect(table.find(bytes(0x020000000000 + 9999), 0, 10_000)).toBe(9999);
  });

  it('agrees with a map while there is room', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(9)), { maxLength: 40 }), (steps) => {
        const table = new MacTable<number>(1e9);
        const map = new Map<number, number>();
        steps.forEach(([address, owner], at) => {
          table.learn(bytes(address * 0x10001), 0, owner, at);
          map.set(address * 0x10001, owner);
        });
        for (const [address, owner] of map) expect(table.find(bytes(address), 0, 100)).toBe(owner);
      }),
    );
  });
});
