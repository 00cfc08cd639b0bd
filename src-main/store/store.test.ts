import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasCode } from '../base/errors.ts';
import { openStore } from './store.ts';

const INSERT = 'insert into lease (address, mac, state, expires_at, hostname) values (?, 1, ?, 0, ?)';

describe('openStore', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rackbox-store-'));
    file = join(folder, 'data', 'rackbox.db');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('makes the folder and the tables, durable by default', async () => {
    const store = await openStore(file);
    expect(store.readNow(store.db.selectFrom('lease').selectAll())).toEqual([]);
    const pragma = async (name: string) =>
      (await sql`select * from ${sql.ref(`pragma_${name}`)}`.execute(store.db)).rows;
    expect(await pragma('journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    expect(await pragma('synchronous')).toEqual([{ synchronous: 2 }]);
    await store.write(INSERT, [1, 'bound', '']);
    expect(await pragma('synchronous')).toEqual([{ synchronous: 2 }]);
    await store.dispose();
    await store.dispose();
  });

  it('belongs to one at a time', async () => {
    const store = await openStore(file);
    await expect(openStore(file)).rejects.toMatchObject({ code: 'STORE_IN_USE' });
    await store.dispose();
    await (await openStore(file)).dispose();
  });

  it('finds its data again, and migrates once', async () => {
    for (const n of [1, 2, 3]) {
      const store = await openStore(file);
      await store.write(INSERT, [n, 'bound', '']);
      expect(store.readNow(store.db.selectFrom('lease').select('address'))).toHaveLength(n);
      await store.dispose();
    }
  });

  it('lets typed transactions and grouped writes take turns', async () => {
    const store = await openStore(file);
    const inTransaction = store.db.transaction().execute(async (trx) => {
      for (let address = 100; address < 110; address++) {
        await new Promise((resolve) => setImmediate(resolve));
        await trx
          .insertInto('lease')
          .values({ address, mac: 2, state: 'bound', expires_at: 0, hostname: '' })
          .execute();
      }
      throw new Error('changed my mind');
    });
    const grouped = store.write(INSERT, [1, 'bound', '']);
    await expect(inTransaction).rejects.toThrow('changed my mind');
    await grouped;
    expect(store.readNow(store.db.selectFrom('lease').select('address'))).toEqual([{ address: 1 }]);
    await store.dispose();
  });

  it('writes a group wholly or not at all, and says why not', async () => {
    const store = await openStore(file);
    const results = await Promise.allSettled([
      store.write(INSERT, [1, 'bound', '']),
      store.write(INSERT, [2, 'no such state', '']),
    ]);
    for (const result of results)
      expect(result.status === 'rejected' && hasCode(result.reason, 'STORE_FAILED')).toBe(true);
    expect(store.readNow(store.db.selectFrom('lease').selectAll())).toEqual([]);
    await store.write(INSERT, [3, 'bound', '']);
    await store.dispose();
    await expect(store.write(INSERT, [4, 'bound', ''])).rejects.toMatchObject({ code: 'DISPOSED' });
  });

  it('saves pending writes when it is closed', async () => {
    const store = await openStore(file);
    void store.write(INSERT, [1, 'bound', '']);
    await store.dispose();
    const again = await openStore(file);
    expect(again.readNow(again.db.selectFrom('lease').selectAll())).toHaveLength(1);
    await again.dispose();
  });

  it('keeps everything in memory when told so', async () => {
    const store = await openStore(':memory:');
    await store.write(INSERT, [1, 'bound', '']);
    expect(store.readNow(store.db.selectFrom('lease').selectAll())).toHaveLength(1);
    await store.dispose();
  });

  it('refuses what is no database, and what a newer version made', async () => {
    const garbage = join(folder, 'garbage.db');
    writeFileSync(garbage, 'this is a letter, not a database. '.repeat(40));
    await expect(openStore(garbage)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(openStore(join(garbage, 'below.db'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await (await openStore(file)).dispose();
    const raw = new Sqlite(file);
    raw.pragma('user_version = 9999');
    raw.close();
    await expect(openStore(file)).rejects.toThrow('newer version');
  });
});
