import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from './lock.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'claw-lock-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const log = () => {};

test('takes over the lock of a dead process', async () => {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  const path = join(dir, 'lock');
  await writeFile(path, JSON.stringify({ pid: child.pid, started: '', host: hostname() }));
  expect(await withLock(path, { log, pollMs: 5, waitAtMostMs: 2_000 }, async () => 'mine')).toBe('mine');
  expect(await readdir(dir)).toEqual([]);
});

test('takes over a lock whose pid now belongs to another process', async () => {
  const path = join(dir, 'lock');
  await writeFile(path, JSON.stringify({ pid: process.pid, started: '1', host: hostname() }));
  // Start times are known on Linux only; elsewhere the pid alone decides.
  if (process.platform !== 'linux') return;
  expect(await withLock(path, { log, pollMs: 5, waitAtMostMs: 2_000 }, async () => 'mine')).toBe('mine');
});

test('takes over a lock that a power cut damaged', async () => {
  const path = join(dir, 'lock');
  await writeFile(path, '{"pid":');
  expect(await withLock(path, { log, pollMs: 5, waitAtMostMs: 2_000 }, async () => 'mine')).toBe('mine');
});

test('waits for a live process, says so, and names it in the end', async () => {
  const path = join(dir, 'lock');
  const holder = { pid: process.ppid, started: '', host: hostname() };
  await writeFile(path, JSON.stringify(holder));
  const lines: string[] = [];
  const attempt = withLock(
    path,
    { log: (line) => lines.push(line), pollMs: 5, waitAtMostMs: 1_000 },
    async () => 1,
  );
  await expect(attempt).rejects.toThrow(`process ${process.ppid} has held`);
  expect(lines).toEqual([`another setup (process ${process.ppid}) is at work; waiting for it`]);
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(holder);
});

test('is held by one at a time, and freed by an error', async () => {
  const path = join(dir, 'lock');
  let inside = 0;
  let most = 0;
  const work = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await readdir(dir);
    inside -= 1;
    throw new Error('failed');
  };
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, () => withLock(path, { log, pollMs: 20, waitAtMostMs: 15_000 }, work)),
  );
  expect(results.map((result) => result.status)).toEqual(Array(8).fill('rejected'));
  expect(most).toBe(1);
});

test('is never seen without its holder’s name', async () => {
  const path = join(dir, 'lock');
  let working = true;
  const seen = new Set<string>();
  const look = async () => {
    while (working) seen.add(await readFile(path, 'utf8').catch(() => 'none'));
  };
  const looking = look();
  for (let n = 0; n < 300; n += 1) await withLock(path, { log }, async () => undefined);
  working = false;
  await looking;
  seen.delete('none');
  for (const text of seen) expect(JSON.parse(text)).toMatchObject({ pid: process.pid });
  expect(await readdir(dir)).toEqual([]);
});
