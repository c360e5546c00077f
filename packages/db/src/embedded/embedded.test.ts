import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import postgres from 'postgres';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDatabase } from '../database.ts';
import { fillFromTemplate } from '../testing/index.ts';
import { postgresAccount } from './account.ts';
import { type EmbeddedDatabase, startEmbedded } from './index.ts';
import { keysIn } from './keys.ts';
import { migrate, readMigrations, supabaseFolder } from './migrate.ts';
import { placeFor } from './place.ts';

const { emitWarning } = process;
let dir: string;
const running: EmbeddedDatabase[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'claw-test-embedded-'));
  await chmod(dir, 0o711);
});
afterEach(async () => {
  for (const embedded of running.splice(0)) await embedded.stop();
  await rm(dir, { recursive: true, force: true });
});

/** All but the first start need no database made from nothing. */
const start = async (options: Partial<Parameters<typeof startEmbedded>[0]> = {}) => {
  if (
    !(await access(join(dir, 'data')).then(
      () => true,
      () => false,
    ))
  )
    await fillFromTemplate(dir);
  const embedded = await startEmbedded({ dir, durable: false, ...options });
  running.push(embedded);
  return embedded;
};
const postmaster = async (): Promise<number> =>
  Number((await readFile(join(dir, 'data', 'postmaster.pid'), 'utf8')).split('\n')[0]);
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Starts it in a process of its own and kills that process with SIGKILL. */
async function startAndKill(): Promise<void> {
  await fillFromTemplate(dir);
  const child = fork(join(import.meta.dirname, 'start.fixture.ts'), [dir]);
  await once(child, 'message');
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

describe('the embedded database', { timeout: 60_000 }, () => {
  it('starts from nothing, answers, and is found again under the same address and keys', async () => {
    const first = await startEmbedded({ dir, durable: false });
    running.push(first);
    await createDatabase(first).ping();
    expect(first.adopted).toBe(false);
    await first.stop();
    await expect(createDatabase(first).ping()).rejects.toMatchObject({ code: 'unavailable' });
    const before = performance.now();
    const second = await start();
    const tookMs = performance.now() - before;
    const { url, secretKey, publishableKey, jwtSecret } = first;
    expect(second).toMatchObject({ url, secretKey, publishableKey, jwtSecret });
    expect(second.postgresUrl('queue')).toBe(first.postgresUrl('queue'));
    await createDatabase(second).ping();
    // 0.5 s by itself; the bound leaves room for a computer that is busy with other tests.
    expect(tookMs).toBeLessThan(10_000);
  });

  it('keeps its keys, readable by the account alone', async () => {
    const keys = await keysIn(dir);
    expect(await keysIn(dir)).toEqual(keys);
    expect((await stat(join(dir, 'keys.json'))).mode & 0o777).toBe(0o600);
  });

  it('gives each neighbour a database of its own that it may write to', async () => {
    const embedded = await start();
    for (const name of ['pulumi', 'queue', 'auth'] as const) {
      const sql = postgres(embedded.postgresUrl(name), { max: 1 });
      await sql`create schema mine`;
      const [row] = await sql`select current_database() as at, current_user as who`;
      expect(row).toEqual({ at: name, who: name });
      await sql.end();
    }
  });

  it('takes over the Postgres that a killed process left running', async () => {
    await startAndKill();
    const pid = await postmaster();
    expect(isAlive(pid)).toBe(true);
    const embedded = await start();
    expect(embedded.adopted).toBe(true);
    expect(await postmaster()).toBe(pid);
    await createDatabase(embedded).ping();
    await embedded.stop();
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 5000);
  });

  it('starts again after everything was killed', async () => {
    await startAndKill();
    const pid = await postmaster();
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 5000);
    const embedded = await start();
    expect(embedded.adopted).toBe(false);
    await createDatabase(embedded).ping();
  });

  it('is not fooled by another program that bears the number in its lock file', async () => {
    const first = await start();
    await first.stop();
    // Of the same account: the one case that Postgres itself takes for a running server.
    const other = spawn('sleep', ['60'], { ...(await postgresAccount()), stdio: 'ignore' });
    try {
      await once(other, 'spawn');
      const lock = `${other.pid}\n${join(dir, 'data')}\n0\n1\n\n127.0.0.1\n`;
      await writeFile(join(dir, 'data', 'postmaster.pid'), lock);
      const second = await start();
      expect(second.adopted).toBe(false);
      await createDatabase(second).ping();
    } finally {
      other.kill();
    }
  });

  it('moves to other ports when its own are taken', async () => {
    const first = await start();
    const taken = [Number(new URL(first.url).port), Number(new URL(first.postgresUrl('claw')).port)];
    await first.stop();
    const blockers = taken.map((port) => createServer().listen(port, '127.0.0.1'));
    await Promise.all(blockers.map((blocker) => once(blocker, 'listening')));
    try {
      const second = await start();
      expect(taken).not.toContain(Number(new URL(second.url).port));
      expect(taken).not.toContain(Number(new URL(second.postgresUrl('claw')).port));
      await createDatabase(second).ping();
    } finally {
      for (const blocker of blockers) blocker.close();
    }
  });

  it('is not reachable from outside this computer, nor through a socket file', async () => {
    const embedded = await start();
    const sql = postgres(embedded.postgresUrl('claw'), { max: 1 });
    const [row] = await sql`select current_setting('listen_addresses') as hosts,
      current_setting('unix_socket_directories') as sockets, current_setting('fsync') as fsync`;
    await sql.end();
    expect(row).toEqual({ hosts: '127.0.0.1', sockets: '', fsync: 'off' });
  });

  it('says nothing of what was asked when the database refuses it', async () => {
    await fillFromTemplate(dir);
    const child = fork(join(import.meta.dirname, 'refused.fixture.ts'), [dir], { silent: true });
    let printed = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (printed += chunk));
    const [status] = await once(child, 'message');
    await once(child, 'close');
    expect(status).toBe(409);
    expect(printed).toContain('data endpoint: PostgresError 23505');
    expect(printed + (await readFile(join(dir, 'postgres.log'), 'utf8'))).not.toContain('hunter2');
  });

  it('stops while a statement waits for a lock that nobody gives back', async () => {
    const embedded = await start();
    const holder = postgres(embedded.postgresUrl('claw'), { max: 1, onnotice: () => {} });
    const sql = await holder.reserve();
    await sql.unsafe('begin; lock table public.owners in access exclusive mode');
    const asked = createDatabase(embedded).owner('user_waiting').ensureOwner(null);
    asked.catch(() => undefined);
    await vi.waitUntil(async () => (await sql`select from pg_locks where not granted`).length > 0, {
      timeout: 10_000,
    });
    await embedded.stop();
    expect(await readFile(join(dir, 'data', 'postmaster.pid'), 'utf8').catch(() => 'gone')).toBe('gone');
    await holder.end({ timeout: 1 }).catch(() => undefined);
  }, 40_000);

  it('leaves the process’s warnings as they were', async () => {
    await start();
    expect(process.emitWarning).toBe(emitWarning);
  });
});

describe('migrations', { timeout: 60_000 }, () => {
  it('are written down as the Supabase CLI does, and applied once', async () => {
    const embedded = await start();
    const sql = postgres(embedded.postgresUrl('claw'), { max: 1, onnotice: () => {} });
    const rows =
      await sql`select version, name, statements from supabase_migrations.schema_migrations order by version`;
    const files = await readMigrations();
    expect(rows.map(({ version, name }) => ({ version, name }))).toEqual(
      files.map(({ version, name }) => ({ version, name })),
    );
    expect(rows[0]?.statements).toEqual([files[0]?.body]);
    expect(await migrate(sql)).toEqual([]);
    await sql.end();
  });

  it('that changed after they were applied are refused, and one that fails leaves nothing', async () => {
    const embedded = await start();
    const folder = join(dir, 'other');
    await mkdir(join(folder, 'migrations'), { recursive: true });
    await writeFile(join(folder, 'bootstrap.sql'), await readFile(join(supabaseFolder, 'bootstrap.sql')));
    const [first] = await readMigrations();
    await writeFile(
      join(folder, 'migrations', `${first?.version}_${first?.name}.sql`),
      `${first?.body}\n-- more`,
    );
    const sql = postgres(embedded.postgresUrl('claw'), { max: 1, onnotice: () => {} });
    await expect(migrate(sql, folder)).rejects.toThrow('applied with another text');
    await rm(join(folder, 'migrations'), { recursive: true });
    await mkdir(join(folder, 'migrations'));
    const broken = 'create table public.half (id int); select nonsense;';
    await writeFile(join(folder, 'migrations', '20991231235959_broken.sql'), broken);
    await expect(migrate(sql, folder)).rejects.toThrow('nonsense');
    expect(await sql`select to_regclass('public.half') as found`).toEqual([{ found: null }]);
    await sql.end();
  });

  it('raise nothing but PTnnn: the two data endpoints agree on no other', async () => {
    for (const { name, body } of await readMigrations()) {
      const raised = body.match(/raise exception[^;]*/g) ?? [];
      for (const statement of raised) expect(statement, name).toMatch(/errcode = 'PT('|\d{3}')/);
    }
  });
});

describe('the place of the data', () => {
  it('is below the folder that was asked for', async () => {
    expect(await placeFor(join(dir, 'a', 'b'), { uid: 12345, gid: 12345 })).toBe(join(dir, 'a', 'b'));
    expect(await placeFor(join(dir, 'c'), undefined)).toBe(join(dir, 'c'));
  });

  it.runIf(process.getuid?.() === 0)(
    'is elsewhere when the account can’t walk there, and found again',
    async () => {
      const home = join(dir, 'home');
      await mkdir(home, { mode: 0o700 });
      const account = { uid: 12345, gid: 12345 };
      const place = await placeFor(join(home, 'claw'), account);
      try {
        expect(dirname(place)).toBe('/var/lib');
        expect(await placeFor(join(home, 'claw'), account)).toBe(place);
        expect((await readFile(join(home, 'claw', 'data-location'), 'utf8')).trim()).toBe(place);
        await access(place);
      } finally {
        await rm(place, { recursive: true, force: true });
      }
    },
  );
});
