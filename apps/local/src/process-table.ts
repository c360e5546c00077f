import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/**
 * When a process started, in a form that differs between two processes that had the same pid; null when there is none.
 */
export function processStartedAt(pid: number): string | null {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name in parentheses may hold spaces; field 22 (start time) is the 20th behind it, field 3 the state.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? null : (fields[19] ?? null);
    }
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: 5000 }).trim() ||
      null
    );
  } catch {
    return null;
  }
}

export interface Recorded {
  name: string;
  pid: number;
  startedAt: string;
}

/** Keeps a record on disk of the processes a platform started, for whoever comes after a crash. */
export function createProcessTable(file: string) {
  let entries: Recorded[] = read(file);
  const write = () => writeFileSync(file, JSON.stringify(entries), { mode: 0o600 });
  return {
    add(name: string, pid: number) {
      const startedAt = processStartedAt(pid);
      if (startedAt) entries.push({ name, pid, startedAt });
      write();
    },
    remove(pid: number) {
      entries = entries.filter((entry) => entry.pid !== pid);
      write();
    },
    /** Kills what an earlier, crashed run left behind; returns the names. */
    killLeftovers(): string[] {
      const living = entries.filter((entry) => processStartedAt(entry.pid) === entry.startedAt);
      for (const { pid } of living) {
        try {
          process.kill(-pid, 'SIGKILL');
        } catch {
          // It ended by itself in between.
        }
      }
      entries = [];
      rmSync(file, { force: true });
      return living.map((entry) => entry.name);
    },
  };
}

function read(file: string): Recorded[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Recorded[];
  } catch {
    return [];
  }
}
