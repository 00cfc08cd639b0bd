import { describe, expect, it } from 'vitest';
import { type Ipv4, ipv4, mac } from '../../base/address.ts';
import type { Lease, LeaseBook } from '../ports.ts';

/** What every `LeaseBook` promises. `open` opens one with nothing in it; `reopen` opens what it left behind, if anything can. */
export function leaseBookSuite(
  name: string,
  open: () => Promise<LeaseBook>,
  reopen: () => Promise<LeaseBook>,
): void {
  const lease = (last: number, more: Partial<Lease> = {}): Lease => ({
    address: (ipv4('10.77.0.0') + last) as Ipv4,
    mac: mac('52:54:00:ff:ff:fe'),
    state: 'bound',
    expiresAt: Date.UTC(2026, 0, 1, 12),
    hostname: 'node-1.maas',
    ...more,
  });

  describe(`LeaseBook: ${name}`, () => {
    it('is empty at first', async () => {
      expect((await open()).all()).toEqual([]);
    });

    it('keeps what was put, by address', async () => {
      const book = await open();
      const highest = lease(0, { address: ipv4('255.255.255.254'), state: 'declined', hostname: '' });
      await Promise.all([book.put(highest), book.put(lease(7)), book.put(lease(3))]);
      expect(book.all()).toEqual([lease(3), lease(7), highest]);
      expect((await reopen()).all()).toEqual([lease(3), lease(7), highest]);
    });

    it('replaces and removes, in the order asked for within one turn', async () => {
      const book = await open();
      const renewed = lease(1, { expiresAt: 5, mac: mac('52:54:00:00:00:01') });
      await Promise.all([
        book.put(lease(1)),
        book.put(renewed),
        book.put(lease(2)),
        book.remove(lease(2).address),
        book.remove(lease(9).address),
      ]);
      expect(book.all()).toEqual([renewed]);
      expect((await reopen()).all()).toEqual([renewed]);
    });

    it('takes thousands in one turn', async () => {
      const book = await open();
      await Promise.all(Array.from({ length: 5000 }, (_, i) => book.put(lease(i))));
      expect(book.all()).toHaveLength(5000);
    });
  });
}
