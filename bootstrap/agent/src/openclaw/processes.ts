import { readdirSync, readFileSync } from 'node:fs';

/** Resident memory of one process in KB; 0 where it has gone or may not be looked at. */
function residentKb(pid: string): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const groupOf = (pid: string): number | null => {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[2]);
  } catch {
    return null;
  }
};

const toMb = (kb: number): number | null => (kb > 0 ? Math.round(kb / 1024) : null);

/** What the processes of a process group hold in memory, in MB; null where nothing can be seen of it. */
export function groupMemoryMb(processGroup: number): number | null {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return toMb(
    pids
      .filter((pid) => groupOf(pid) === processGroup)
      .map(residentKb)
      .reduce((sum, kb) => sum + kb, 0),
  );
}

/** The same of given processes. */
export function processesMemoryMb(pids: readonly string[]): number | null {
  return toMb(pids.map(residentKb).reduce((sum, kb) => sum + kb, 0));
}
