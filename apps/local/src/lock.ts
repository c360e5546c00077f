import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { processStartedAt } from './process-table.ts';

interface Holder {
  pid: number;
  startedAt: string;
}

/**
 * Takes the home folder for this process, so that two platforms never share one.
 * Raises an error when a living process holds it; the lock of a dead one is taken over.
 */
export function takeLock(home: string): { release(): void } {
  mkdirSync(home, { recursive: true, mode: 0o711 });
  const file = join(home, 'launcher.lock');
  const me: Holder = { pid: process.pid, startedAt: processStartedAt(process.pid) ?? '' };
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(file, JSON.stringify(me), { flag: 'wx', mode: 0o600 });
      return { release: () => rmSync(file, { force: true }) };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const holder = readHolder(file);
    if (holder && processStartedAt(holder.pid) === holder.startedAt)
      throw new Error(
        `Another Claw Cloud (process ${holder.pid}) is running in ${home}. Stop it with Ctrl-C, or set CLAW_HOME to another folder.`,
      );
    rmSync(file, { force: true });
  }
  throw new Error(`Could not take the lock ${file}. Remove it if no Claw Cloud is running.`);
}

function readHolder(file: string): Holder | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder;
  } catch {
    return null;
  }
}
