/** The tables, column by column as SQLite holds them. Names are in snake case, as in SQL. */
export interface Schema {
  lease: LeaseRow;
}

/** DHCP's promises of addresses. Addresses and MACs are integers, times wall-clock milliseconds. */
interface LeaseRow {
  address: number;
  mac: number;
  state: 'bound' | 'declined';
  expires_at: number;
  hostname: string;
}
