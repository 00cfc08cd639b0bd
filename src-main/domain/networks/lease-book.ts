import type { Ipv4, Mac } from '../../base/address.ts';
import type { Lease, LeaseBook } from '../../netboot/ports.ts';
import type { Store } from '../../store/store.ts';

const PUT = `insert into lease (address, mac, state, expires_at, hostname) values (?, ?, ?, ?, ?)
  on conflict (address) do update set mac = excluded.mac, state = excluded.state,
    expires_at = excluded.expires_at, hostname = excluded.hostname`;
const REMOVE = 'delete from lease where address = ?';

/** The leases of a database. Changes made in one turn of the event loop share one commit. */
export function openLeaseBook(store: Store): LeaseBook {
  return {
    all() {
      const rows = store.readNow(store.db.selectFrom('lease').selectAll().orderBy('address'));
      return rows.map(
        (row): Lease => ({
          address: row.address as Ipv4,
          mac: row.mac as Mac,
          state: row.state,
          expiresAt: row.expires_at,
          hostname: row.hostname,
        }),
      );
    },
    put: ({ address, mac, state, expiresAt, hostname }) =>
      store.write(PUT, [address, mac, state, Math.round(expiresAt), hostname]),
    remove: (address) => store.write(REMOVE, [address]),
  };
}
