import type { Ipv4 } from '../../base/address.ts';
import type { Lease, LeaseBook } from '../ports.ts';

/** Leases that nobody needs after the process has ended: throw-away labs and tests. */
export function memoryLeaseBook(): LeaseBook {
  const leases = new Map<Ipv4, Lease>();
  return {
    all: () => [...leases.values()].sort((a, b) => a.address - b.address),
    async put(lease) {
      leases.set(lease.address, lease);
    },
    async remove(address) {
      leases.delete(address);
    },
  };
}
