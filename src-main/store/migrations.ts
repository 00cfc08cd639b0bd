import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Every change that the database ever went through, in the order of their names. One that has been released is never
 * changed: write the next. (Migrations see the tables of their time, not today's `Schema`: hence `unknown`.)
 */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-leases': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('lease')
        .addColumn('address', 'integer', (column) => column.primaryKey())
        .addColumn('mac', 'integer', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull().check(sql`state in ('bound', 'declined')`))
        .addColumn('expires_at', 'integer', (column) => column.notNull())
        .addColumn('hostname', 'text', (column) => column.notNull())
        .modifyEnd(sql`strict`)
        .execute();
    },
  },
};
