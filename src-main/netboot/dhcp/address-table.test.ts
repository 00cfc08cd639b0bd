import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cidr, type Ipv4, ipv4, type Mac } from '../../base/address.ts';
import { AddressTable } from './address-table.ts';
import type { Binding } from './binding.ts';
import type { DhcpSubnet } from './config.ts';

const at = (last: number) => ipv4(`10.77.0.${last}`);
const client = (n: number) => (0x525400000000 + n) as Mac;
const subnet = (more: Partial<DhcpSubnet> = {}): DhcpSubnet => ({
  cidr: cidr('10.77.0.0/24'),
  ranges: [
    { first: at(10), last: at(12) },
    { first: at(20), last: at(20) },
  ],
  ...more,
});
const table = (more: Partial<DhcpSubnet> = {}, maxOffers = 100, expired: Binding[] = []) =>
  new AddressTable(subnet(more), maxOffers, (binding) => expired.push(binding));
const bind = (pool: AddressTable, n: number, now = 0, leaseMs = 1000) => {
  const address = pool.choose(client(n), null, now);
  return address === null ? null : pool.bind(address, client(n), now, leaseMs, '').address;
};

describe('AddressTable', () => {
  it('hands out never used addresses first, range after range, until the pool is exhausted', () => {
    const pool = table();
    expect([1, 2, 3, 4, 5].map((n) => bind(pool, n))).toEqual([at(10), at(11), at(12), at(20), null]);
  });

  it('gives a client the address it had, and others the one free for longest', () => {
    const pool = table();
    for (const n of [1, 2, 3, 4]) bind(pool, n, 0, n * 1000);
    expect(bind(pool, 3, 10_000)).toBe(at(12));
    expect(bind(pool, 5, 10_000)).toBe(at(10));
    expect(bind(pool, 6, 10_000)).toBe(at(11));
    expect(pool.of(client(1))).toBeNull();
  });

  it('gives the address asked for when it may', () => {
    const pool = table();
    expect(pool.choose(client(1), at(20), 0)).toBe(at(20));
    expect(pool.choose(client(1), at(99), 0)).toBe(at(10));
    pool.bind(at(20), client(2), 0, 1000, '');
    expect(pool.choose(client(1), at(20), 0)).toBe(at(10));
  });

  it('keeps reservations for their owners, in the pool and outside', () => {
    const reservations = [
      { mac: client(1), address: at(11) },
      { mac: client(2), address: at(200) },
    ];
    const pool = table({ reservations });
    expect([3, 4, 5, 6].map((n) => bind(pool, n))).toEqual([at(10), at(12), at(20), null]);
    expect(bind(pool, 1)).toBe(at(11));
    expect(bind(pool, 2)).toBe(at(200));
    pool.expire(5000);
    expect([7, 8, 9, 6].map((n) => bind(pool, n, 5000))).toEqual([at(10), at(12), at(20), null]);
    expect(pool.entitled(client(7), at(10))).toBe(true);
    expect(pool.entitled(client(1), at(10))).toBe(false);
  });

  it('lets a dynamic client stay on an address reserved later, and gives the owner another', () => {
    const pool = table({ reservations: [{ mac: client(1), address: at(11) }] });
    pool.restore({ address: at(11), mac: client(9), state: 'bound', expiresAt: 1000, hostname: '' }, 0);
    expect(bind(pool, 1)).toBe(at(10));
    expect(bind(pool, 1, 2000)).toBe(at(11));
  });

  it('holds few offers: one a client, and the oldest gives way', () => {
    const pool = table({}, 2);
    pool.offer(at(10), client(1), 0, 1000);
    pool.offer(at(11), client(1), 0, 1000);
    expect(pool.offers).toBe(1);
    pool.offer(at(12), client(2), 0, 1000);
    pool.offer(at(20), client(3), 0, 1000);
    expect(pool.offers).toBe(2);
    expect(pool.at(at(11))?.state).toBe('free');
    expect(pool.at(at(12))?.state).toBe('offered');
  });

  it('does not take a lease away by offering it again', () => {
    const pool = table();
    bind(pool, 1, 0, 1000);
    expect(pool.offer(at(10), client(1), 0, 10)).toMatchObject({ state: 'bound', expiresAt: 1000 });
  });

  it('avoids declined addresses, but prefers the oldest of them to none', () => {
    const pool = table();
    for (const last of [10, 11]) pool.decline(at(last), client(1), 0, 100_000);
    expect([2, 3, 4, 5].map((n) => bind(pool, n))).toEqual([at(12), at(20), at(10), at(11)]);
  });

  it('notices expiry, and tells only of leases', () => {
    const expired: Binding[] = [];
    const pool = table({}, 100, expired);
    bind(pool, 1, 0, 1000);
    pool.offer(at(11), client(2), 0, 500);
    pool.expire(999);
    expect(expired).toEqual([]);
    pool.expire(1000);
    expect(expired.map(({ address }) => address)).toEqual([at(10)]);
    expect([...pool.bindings()].every(({ state }) => state === 'free')).toBe(true);
  });

  it('never lets two clients have one address', () => {
    const step = fc.record({
      client: fc.integer({ min: 1, max: 8 }),
      op: fc.constantFrom<'offer' | 'bind' | 'free' | 'decline' | 'wait'>(
        'offer',
        'bind',
        'free',
        'decline',
        'wait',
      ),
      wanted: fc.option(fc.integer({ min: 9, max: 21 }).map(at), { nil: null }),
      ms: fc.constantFrom(100, 500, 1000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const pool = table({ reservations: [{ mac: client(3), address: at(11) }] }, 3);
        const leases = new Map<Ipv4, { mac: Mac; until: number }>();
        let now = 0;
        const give = (mac: Mac, wanted: Ipv4 | null, op: 'offer' | 'bind', ms: number) => {
          const address = pool.choose(mac, wanted, now);
          if (address === null) return;
          const holder = leases.get(address);
          expect(!holder || holder.mac === mac || holder.until <= now).toBe(true);
          expect(pool.permits(mac, address)).toBe(true);
          if (op === 'offer') pool.offer(address, mac, now, ms);
          else pool.bind(address, mac, now, ms, '');
          if (op === 'bind') leases.set(address, { mac, until: now + ms });
        };
        const giveBack = (own: Binding, op: 'free' | 'decline', ms: number) => {
          if (own.state === 'free' || own.state === 'declined') return;
          leases.delete(own.address);
          if (op === 'free') pool.free(own);
          else pool.decline(own.address, own.mac, now, ms);
        };
        for (const { client: n, op, wanted, ms } of steps) {
          const own = pool.of(client(n));
          if (op === 'wait') now += ms;
          else if (op === 'offer' || op === 'bind') give(client(n), wanted, op, ms);
          else if (own) giveBack(own, op, ms);
        }
        expect(pool.offers).toBeLessThanOrEqual(3);
      }),
    );
  });
});
