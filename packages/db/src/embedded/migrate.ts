import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type postgres from 'postgres';

/** Bootstrap and migrations are one set for every mode; hosted Supabase has what the bootstrap makes. */
export const supabaseFolder = join(import.meta.dirname, '..', '..', '..', '..', 'supabase');

export interface Migration {
  readonly version: string;
  readonly name: string;
  readonly body: string;
}

export async function readMigrations(folder = supabaseFolder): Promise<Migration[]> {
  const files = (await readdir(join(folder, 'migrations')))
    .filter((file) => /^\d{14}_[a-z0-9_]+\.sql$/.test(file))
    .sort();
  return Promise.all(
    files.map(async (file) => ({
      version: file.slice(0, 14),
      name: file.slice(15, -4),
      body: await readFile(join(folder, 'migrations', file), 'utf8'),
    })),
  );
}

/**
 * Applies what is missing, each in its own transaction, and writes the same history table as the Supabase CLI. Refuses
 * a database that was made with another text of an applied migration. Returns the names of what it applied.
 */
export async function migrate(sql: postgres.Sql, folder = supabaseFolder): Promise<string[]> {
  const migrations = await readMigrations(folder);
  await sql.unsafe(await readFile(join(folder, 'bootstrap.sql'), 'utf8')).simple();
  await sql`create schema if not exists supabase_migrations`;
  await sql`create table if not exists supabase_migrations.schema_migrations
    (version text primary key, statements text[], name text)`;
  const applied: string[] = [];
  for (const migration of migrations) {
    await sql.begin(async (transaction) => {
      // Two processes may start at once.
      await transaction`select pg_advisory_xact_lock(hashtext('claw-cloud migrations'))`;
      const [row] = await transaction`
        select statements from supabase_migrations.schema_migrations where version = ${migration.version}`;
      if (row) {
        if (Array.isArray(row.statements) && row.statements.join('') !== migration.body)
          throw new Error(
            `The migration ${migration.version}_${migration.name} was applied with another text. ` +
              'Migrations never change once released: add a new one, or start from an empty data folder.',
          );
        return;
      }
      await transaction.unsafe(migration.body).simple();
      await transaction`insert into supabase_migrations.schema_migrations (version, name, statements)
        values (${migration.version}, ${migration.name}, ${[migration.body]})`;
      applied.push(migration.name);
    });
  }
  return applied;
}
