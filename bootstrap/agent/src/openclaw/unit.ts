import { readFileSync } from 'node:fs';
import { processesMemoryMb } from './processes.ts';

/** A unit's processes as the kernel's control groups show them, to whoever may not ask systemd or root. */
export interface Unit {
  /** Null where the control groups can't be read. */
  pids(): string[] | null;
  /** As the kernel accounts for it, else the resident memory of its processes; null where neither can be seen. */
  memoryMb(): number | null;
}

const readOrNull = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
};

/** Reads a system unit's control group, below `cgroups` (where cgroup2 is mounted). */
export function createUnit(name: string, cgroups = '/sys/fs/cgroup'): Unit {
  const group = `${cgroups}/system.slice/${name}`;
  const pids = (): string[] | null => {
    const text = readOrNull(`${group}/cgroup.procs`);
    if (text !== null) return text.split('\n').filter((line) => line !== '');
    // The group of a unit that doesn't run is removed.
    return readOrNull(`${cgroups}/system.slice/cgroup.procs`) === null ? null : [];
  };
  return {
    pids,
    memoryMb() {
      const accounted = Number(readOrNull(`${group}/memory.current`) ?? Number.NaN);
      if (Number.isFinite(accounted)) return Math.round(accounted / 2 ** 20);
      const seen = pids();
      return seen === null ? null : processesMemoryMb(seen);
    },
  };
}
