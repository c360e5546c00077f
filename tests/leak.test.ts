import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sandboxToken } from '@claw-cloud/local';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Finding, findIn, findInFiles } from './support/canary.ts';
import {
  checkedCredential,
  destroyed,
  newOwner,
  type Owner,
  openChat,
  startDeploy,
  stateOf,
  until,
} from './support/owner.ts';
import { startTestPlatform, type TestPlatform } from './support/platform.ts';

let platform: TestPlatform;
let owner: Owner;
let instanceId: string;
let snapshot: string;
const canaries: Record<string, string> = {};
const heapDir = mkdtempSync(join(tmpdir(), 'claw-heap-'));

beforeAll(async () => {
  platform = await startTestPlatform({
    nodeArguments: { api: ['--heapsnapshot-signal=SIGUSR2', `--diagnostic-dir=${heapDir}`] },
  });
  owner = await newOwner(platform);
  canaries['cloud token'] = await sandboxToken(platform);
  canaries['chat text'] = `canary "${randomBytes(16).toString('hex')}" über\\alles`;
  canaries['model key'] = `sk-${randomBytes(20).toString('hex')}`;
  const credential = await checkedCredential(platform, owner, canaries['cloud token']);
  expect(credential.state).toBe('ready');
  const { instance } = await startDeploy(owner, credential.id);
  instanceId = instance.id;
  await stateOf(owner, instanceId, 'ready', 300_000);

  const { channel, conversation } = await openChat(platform, owner, instanceId);
  await channel.command(
    'model.set',
    {
      provider: 'custom',
      apiKey: canaries['model key'] ?? '',
      baseUrl: platform.sandbox.modelUrl,
      model: 'sandbox-1',
    },
    { timeoutMs: 90_000 },
  );
  // The snapshot is taken while the answer streams through the api.
  const run = conversation.send(`[slow] ${canaries['chat text']}`);
  await until(
    async () => conversation.state(),
    (state) => JSON.stringify(state).includes('word-3 '),
    90_000,
  );
  platform.child('api').kill('SIGUSR2');
  snapshot = await until(
    async () =>
      readdirSync(heapDir)
        .map((name) => join(heapDir, name))
        .find((path) => path.endsWith('.heapsnapshot') && statSync(path).size > 1_000_000) ?? '',
    (path) => path !== '',
    60_000,
  );
  await settled(snapshot);
  await conversation.reply(run, { timeoutMs: 120_000 });
  const second = conversation.send(canaries['chat text'] ?? '');
  await conversation.reply(second, { timeoutMs: 120_000 });
  conversation.close();
  channel.close();
}, 900_000);

afterAll(async () => {
  await platform?.stop();
  rmSync(heapDir, { recursive: true, force: true });
});

test('the canaries were really in use: the server’s own files hold the chat and the key', () => {
  const { findings } = findInFiles(join(platform.home, 'sandbox', 'servers'), canaries);
  expect(new Set(findings.map(({ canary }) => canary))).toEqual(new Set(['chat text', 'model key']));
});

test('no row of any database holds a canary', { timeout: 120_000 }, async () => {
  const { findings, rows } = await dump(platform);
  expect(rows).toBeGreaterThan(20);
  expect(findings).toEqual([]);
});

test('no file of the control plane holds a canary: logs, keys, the database’s own files', {
  timeout: 120_000,
}, () => {
  const { findings, files } = findInFiles(join(platform.home, 'control-plane'), canaries);
  // Hundreds: the tables, indexes and write-ahead log of Postgres are among them.
  expect(files).toBeGreaterThan(300);
  expect(findings).toEqual([]);
});

test('a heap snapshot of the api, taken during the chat, holds no canary', { timeout: 120_000 }, () => {
  const { findings, files } = findInFiles(heapDir, canaries);
  expect(files).toBe(1);
  expect(findings).toEqual([]);
});

test('after the destroy there is still none, the engine’s state included', { timeout: 180_000 }, async () => {
  const receipt = await destroyed(owner, instanceId);
  expect(receipt.left).toEqual([]);
  expect((await dump(platform)).findings).toEqual([]);
  expect(findInFiles(join(platform.home, 'control-plane'), canaries).findings).toEqual([]);
});

test('a canary that is logged on purpose is found, in every form', () => {
  const log = join(platform.home, 'control-plane', 'logs', 'planted.log');
  for (const [canary, value] of Object.entries(canaries)) {
    const plain = Buffer.from(value);
    for (const planted of [
      value,
      JSON.stringify({ message: value }),
      JSON.stringify({ line: JSON.stringify({ message: value }) }),
      plain.toString('hex'),
      Buffer.concat([Buffer.from('x'), plain, Buffer.from('yz')]).toString('base64'),
      Buffer.concat([Buffer.from('xy'), plain, Buffer.from('z')]).toString('base64url'),
    ]) {
      appendFileSync(log, planted);
      const { findings } = findInFiles(join(platform.home, 'control-plane', 'logs'), canaries);
      rmSync(log);
      expect(findings.map((finding) => finding.canary)).toContain(canary);
    }
  }
});

/** Every row of every table of every database, as text. */
async function dump({ postgresUrl }: TestPlatform): Promise<{ findings: Finding[]; rows: number }> {
  const findings: Finding[] = [];
  let rows = 0;
  const root = postgres(postgresUrl('postgres'), { max: 1 });
  const databases = await root<
    { datname: string }[]
  >`select datname from pg_database where not datistemplate`;
  await root.end();
  for (const { datname } of databases) {
    const sql = postgres(postgresUrl(datname), { max: 1 });
    const tables = await sql<{ schema: string; name: string }[]>`
      select schemaname as schema, tablename as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`;
    for (const { schema, name } of tables) {
      const texts = await sql<{ text: string }[]>`select t::text as text from ${sql(schema)}.${sql(name)} t`;
      rows += texts.length;
      for (const { text } of texts)
        findings.push(...findIn(Buffer.from(text), `${datname}.${schema}.${name}`, canaries));
      // Pulumi's state is stored as bytes: look inside them too.
      const columns = await sql<{ column: string }[]>`
        select column_name as column from information_schema.columns where table_schema = ${schema} and table_name = ${name} and data_type = 'bytea'`;
      for (const { column } of columns)
        for (const row of await sql<
          { value: Buffer }[]
        >`select ${sql(column)} as value from ${sql(schema)}.${sql(name)}`)
          if (row.value)
            findings.push(
              ...findIn(Buffer.from(row.value), `${datname}.${schema}.${name}.${column}`, canaries),
            );
    }
    await sql.end();
  }
  return { findings, rows };
}

/** Waits until a file has stopped growing. */
async function settled(path: string): Promise<void> {
  let size = -1;
  await until(
    async () => {
      const before = size;
      size = statSync(path).size;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return before === size;
    },
    (still) => still,
    120_000,
  );
}
