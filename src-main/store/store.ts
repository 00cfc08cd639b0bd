import { closeSync, fdatasync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import Sqlite from 'better-sqlite3';
import { type Compilable, Kysely, SqliteDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { Disposable } from '../base/disposable.ts';
import { rackboxError } from '../base/error-catalogue.ts';
import { messageOf } from '../base/errors.ts';
import { GroupCommit } from './group-commit.ts';
import { MIGRATIONS } from './migrations.ts';
import type { Schema } from './schema.ts';

/** Written into the file, so that an older Rackbox knows that it doesn't understand it. */
const VERSION = Object.keys(MIGRATIONS).length;

type SqlValue = string | number | null;

/** The application's database: SQLite in WAL mode. What was committed survives a power cut. */
export interface Store extends Disposable {
  readonly file: string;
  /** Typed queries. Each transaction is made durable by itself. */
  readonly db: Kysely<Schema>;
  /** Rows without waiting, for what must be known before the start goes on. Throws STORE_FAILED. */
  readNow<Row>(query: Compilable<Row>): Row[];
  /**
   * Runs one statement in a transaction shared with the other calls of this turn of the event loop; for many small
   * writes. Resolves when it would survive a power cut, without holding up the event loop. Rejects with STORE_FAILED.
   */
  write(sql: string, values: readonly SqlValue[]): Promise<void>;
  /** Waits for pending writes, then closes. */
  dispose(): Promise<void>;
}

/**
 * Opens the database, making or migrating it as needed. `:memory:` keeps everything in memory.
 * Rejects with STORE_IN_USE when another process has it open, and with STORE_FAILED when the file cannot be used, or
 * was made by a newer version.
 */
export async function openStore(file: string): Promise<Store> {
  const inMemory = file === ':memory:';
  let sqlite: Sqlite.Database | undefined;
  try {
    if (!inMemory) mkdirSync(dirname(file), { recursive: true });
    sqlite = new Sqlite(file, { timeout: 0 });
    // One controller a data folder: the lock is the operating system's, so it ends with the process however it dies.
    sqlite.pragma('locking_mode = EXCLUSIVE');
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma('synchronous = FULL');
    sqlite.pragma('foreign_keys = ON');
    if (Number(sqlite.pragma('user_version', { simple: true })) > VERSION)
      throw new Error('it was made by a newer version of Rackbox');
    const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: sqlite }) });
    await migrate(db);
    return new SqliteStore(file, sqlite, db, inMemory ? null : openWal(file, sqlite));
  } catch (error) {
    sqlite?.close();
    throw isLocked(error) ? rackboxError('STORE_IN_USE', { file }, error) : storeFailed(file, error);
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

/** A statement with its values, waiting for the next group. */
interface Write {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

class SqliteStore implements Store {
  readonly file: string;
  readonly db: Kysely<Schema>;
  readonly #sqlite: Sqlite.Database;
  readonly #wal: number | null;
  readonly #writes = new GroupCommit<Write>((writes) => this.#commit(writes));
  readonly #statements = new Map<string, Sqlite.Statement>();
  readonly #runAll: (writes: readonly Write[]) => void;
  #disposed: Promise<void> | null = null;

  constructor(file: string, sqlite: Sqlite.Database, db: Kysely<Schema>, wal: number | null) {
    this.file = file;
    this.db = db;
    this.#sqlite = sqlite;
    this.#wal = wal;
    this.#runAll = sqlite.transaction((writes: readonly Write[]) => {
      for (const { sql, values } of writes) this.#statement(sql).run(...values);
    });
  }

  readNow<Row>(query: Compilable<Row>): Row[] {
    const { sql, parameters } = query.compile();
    try {
      return this.#sqlite.prepare<unknown[], Row>(sql).all(...parameters);
    } catch (error) {
      throw storeFailed(this.file, error);
    }
  }

  write(sql: string, values: readonly SqlValue[]): Promise<void> {
    if (this.#disposed) return Promise.reject(rackboxError('DISPOSED', { what: 'The database' }));
    return this.#writes.add({ sql, values });
  }

  dispose(): Promise<void> {
    this.#disposed ??= this.#close();
    return this.#disposed;
  }

  async #close(): Promise<void> {
    await this.#writes.idle();
    if (this.#wal !== null) closeSync(this.#wal);
    await this.db.destroy();
  }

  /**
   * FULL differs from NORMAL by one sync of the WAL after each commit (sqlite.org, PRAGMA synchronous). Here that
   * sync is done by us in the thread pool, so that the event loop goes on receiving while the disk works.
   */
  async #commit(writes: readonly Write[]): Promise<void> {
    try {
      // Kysely hands out its one connection in turn: no transaction of anybody else is open meanwhile.
      await this.db.connection().execute(async () => {
        this.#sqlite.pragma('synchronous = NORMAL');
        try {
          this.#runAll(writes);
        } finally {
          this.#sqlite.pragma('synchronous = FULL');
        }
      });
      if (this.#wal !== null) await syncData(this.#wal);
    } catch (error) {
      throw storeFailed(this.file, error);
    }
  }

  #statement(sql: string): Sqlite.Statement {
    const known = this.#statements.get(sql) ?? this.#sqlite.prepare(sql);
    this.#statements.set(sql, known);
    return known;
  }
}

const syncData = promisify(fdatasync);

/** Opens the write-ahead log for syncing. A first write with FULL has made it and its folder entry durable. */
function openWal(file: string, sqlite: Sqlite.Database): number {
  sqlite.pragma(`user_version = ${VERSION}`);
  return openSync(`${file}-wal`, 'r+');
}

async function migrate(db: Kysely<Schema>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...MIGRATIONS }) } });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}

function storeFailed(file: string, cause: unknown): Error {
  return rackboxError('STORE_FAILED', { file, problem: messageOf(cause) }, cause);
}
