import { startTestDatabase, type TestDatabase } from '@claw-cloud/db/testing';
import postgres, { type Sql } from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deleteStateRows, prepareStateTable } from './state-rows.ts';

const rounds = 10;
const atOnce = 8;

let database: TestDatabase;
let backendUrl: string;
let sql: Sql;
beforeAll(async () => {
  database = await startTestDatabase();
  backendUrl = database.postgresUrl('pulumi');
  sql = postgres(backendUrl, { max: atOnce, onnotice: () => undefined });
  // Each connection is there before the races begin.
  await Promise.all(Array.from({ length: atOnce }, () => sql`select pg_sleep(0.1)`));
});
afterAll(async () => {
  await sql?.end();
  await database?.stop();
});

/** What each start of the CLI says first: `schema.sql` of Pulumi's `backend/diy/postgres`. */
const asTheCli = (on: Pick<Sql, 'unsafe'> = sql) =>
  on
    .unsafe(
      `create table if not exists pulumi_state (
         key text primary key, data json not null, updated_at timestamp with time zone not null default now());
       create index if not exists pulumi_state_key_prefix_idx on pulumi_state (key text_pattern_ops);`,
    )
    .simple();

/** How many of several that come at the same moment are refused, over some rounds with no table at first. */
async function refused(meanwhile: () => Promise<unknown>): Promise<number> {
  let count = 0;
  for (let round = 0; round < rounds; round += 1) {
    await sql`drop table if exists pulumi_state`;
    const ends = await Promise.allSettled(Array.from({ length: atOnce }, meanwhile));
    count += ends.filter(({ status }) => status === 'rejected').length;
  }
  return count;
}

describe('the table of the engine’s state', () => {
  test('is a race between the first starts of the CLI where nobody made it before', async () => {
    await sql`drop table if exists pulumi_state`;
    const { second } = await sql.begin(async (first) => {
      await asTheCli(first);
      const late = asTheCli().then(
        () => 'made',
        (error: { code: string }) => error.code,
      );
      await expect
        .poll(async () => (await sql`select from pg_locks where not granted`).length, { timeout: 10_000 })
        .toBeGreaterThan(0);
      return { second: late };
    });
    // unique_violation, of a row in the catalogue.
    expect(await second).toBe('23505');
  });

  test('is made once, however many provisioners start', async () => {
    expect(await refused(() => prepareStateTable(backendUrl))).toBe(0);
  });

  test('then holds what the CLI expects of it', async () => {
    await sql`drop table if exists pulumi_state`;
    const columns = () => sql`
      select column_name, data_type, is_nullable, column_default from information_schema.columns
      where table_name = 'pulumi_state' order by ordinal_position`;
    const indexes = () =>
      sql`select indexdef from pg_indexes where tablename = 'pulumi_state' order by indexname`;
    await asTheCli();
    const [itsColumns, itsIndexes] = [await columns(), await indexes()];
    await sql`drop table pulumi_state`;
    await prepareStateTable(backendUrl);
    expect(await columns()).toEqual(itsColumns);
    expect(await indexes()).toEqual(itsIndexes);
    expect(await deleteStateRows(backendUrl, 'project', 'ins_nobody')).toBe(0);
  });

  test('has the name that the address gives it', async () => {
    await prepareStateTable(`${backendUrl}?table=elsewhere`);
    expect(await sql`select to_regclass('elsewhere') is not null as made`).toEqual([{ made: true }]);
  });

  test('is nobody’s business where the state is kept in files', async () => {
    await prepareStateTable('file:///nowhere');
  });

  test('that can not be made is an error that names the setting', async () => {
    await expect(prepareStateTable('postgres://nobody:x@127.0.0.1:1/none')).rejects.toThrow(
      /PULUMI_BACKEND_URL/,
    );
  });
});
