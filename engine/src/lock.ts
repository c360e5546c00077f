import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Log } from './progress.ts';

type Holder = { pid: number; started: string; host: string };

export type LockOptions = {
  log: Log;
  signal?: AbortSignal | undefined;
  /** @default 45 minutes: a cold build on a slow computer, twice. */
  waitAtMostMs?: number;
  pollMs?: number;
};

/** When a process started, so that a reused pid is not taken for the lock's holder; empty where unknown. */
function startedAt(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isAlive(holder: Holder): boolean {
  // Another computer's process (a cache on a network disk) can't be asked: believe it is there.
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const started = startedAt(holder.pid);
  return started === '' || holder.started === '' || started === holder.started;
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

/** Makes the lock whole in one step: nobody sees it without its holder's name. */
async function tryCreate(path: string, me: Holder): Promise<boolean> {
  const draft = `${path}.${process.pid}-${randomUUID()}`;
  try {
    await writeFile(draft, JSON.stringify(me), { flag: 'wx' });
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Runs `work` while this process alone holds the lock file. A lock whose process is dead is taken over;
 * a live one is waited for. Raises an error naming the holder after `waitAtMostMs`.
 */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const { log, signal, waitAtMostMs = 45 * 60_000, pollMs = 250 } = options;
  const me: Holder = { pid: process.pid, started: startedAt(process.pid), host: hostname() };
  await mkdir(dirname(path), { recursive: true });
  const deadline = Date.now() + waitAtMostMs;
  let said = false;
  let unreadable = 0;
  while (!(await tryCreate(path, me))) {
    signal?.throwIfAborted();
    const holder = await readHolder(path);
    // A file that stays unreadable is damaged: a power cut can do that.
    unreadable = holder ? 0 : unreadable + 1;
    if (holder ? !isAlive(holder) : unreadable > 8) {
      await takeAway(path, holder);
      continue;
    }
    if (Date.now() > deadline) {
      throw new Error(`process ${holder?.pid} has held ${path} for too long; end it, or delete that file`);
    }
    if (holder && !said) log(`another setup (process ${holder.pid}) is at work; waiting for it`);
    said ||= holder !== undefined;
    await wait(pollMs, undefined, signal ? { signal } : {});
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/** Removes a dead process's lock. The rename decides between two who see it at once. */
async function takeAway(path: string, seen: Holder | undefined): Promise<void> {
  const aside = `${path}.stale-${process.pid}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  const moved = await readHolder(aside);
  // Between our look and the rename another process may have taken over: give its lock back.
  if (moved && (moved.pid !== seen?.pid || moved.started !== seen.started)) {
    await rename(aside, path);
    return;
  }
  await rm(aside, { force: true });
}
