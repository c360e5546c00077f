import type { BetterAuthOptions } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import type { Pool } from 'pg';

/** Any number that nothing else in this database locks. */
const migrationLock = 7_205_110_042;

/** Brings the issuer's tables up to date; several processes may do it at once. */
export async function migrate(pool: Pool, options: BetterAuthOptions): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    await client.query('create schema if not exists local_auth');
    const { runMigrations } = await getMigrations(options);
    await runMigrations();
  } finally {
    await client.query('select pg_advisory_unlock($1)', [migrationLock]).catch(() => undefined);
    client.release();
  }
}
