import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pause } from '../src/backoff.ts';
import { isRunning } from '../src/live-process.ts';

export interface FolderLockOptions {
  signal: AbortSignal;
  limitMs: number;
  log: (message: string) => void;
}

function holder(lock: string): number | null {
  try {
    const pid = Number(readFileSync(join(lock, 'pid'), 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

/**
 * Runs `work` while holding a lock between the processes of one computer: a folder, made by one and
 * removed at the end. A lock whose holder has died is taken over. Raises after `limitMs` of waiting.
 */
export async function withFolderLock<T>(
  lock: string,
  options: FolderLockOptions,
  work: () => Promise<T>,
): Promise<T> {
  const { signal, limitMs, log } = options;
  const deadline = Date.now() + limitMs;
  let ownerless = 0;
  let said = false;
  for (;;) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, 'pid'), String(process.pid));
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const pid = holder(lock);
    // Between its mkdir and its pid a holder is nameless for a moment; one that stays so has died there.
    ownerless = pid === null ? ownerless + 1 : 0;
    if ((pid !== null && !isRunning(pid)) || ownerless > 10) {
      rmSync(lock, { recursive: true, force: true });
      continue;
    }
    if (Date.now() > deadline)
      throw new Error(`Waited ${Math.round(limitMs / 1000)} s for process ${pid}, which holds ${lock}`);
    if (!said) log(`waiting for process ${pid ?? '?'}, which is installing the same`);
    said = true;
    await pause(300, signal);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}
