import { readdirSync, readFileSync } from 'node:fs';

/** What the environment of every process of an operation's child is marked with. */
const mark = /(?:^|\0)CLAW_ENGINE_OF=(opn_\w+)(?:\0|$)/;

const megabyte = 1024;

export interface EngineMemory {
  /** Most that the processes of one operation held at one moment, per operation, in MB: each page counted where it is mapped. */
  readonly rssMb: readonly number[];
  /** The same with shared pages divided among those who share them. */
  readonly pssMb: readonly number[];
  /** Most that one process held of pages divided like that, by what it is (`child`, `cli`, `plugin aws`), in MB. */
  readonly pssMbByProcess: Readonly<Record<string, number>>;
  /** Operations with a child at each look. */
  readonly atOnce: readonly number[];
}

/** Watches the children of these operations, their CLI and their plugins (Linux) until it is stopped. */
export function watchEngineMemory(
  isOurs: (operationId: string) => boolean,
  everyMs = 500,
): { stop(): EngineMemory } {
  const rss = new Map<string, number>();
  const pss = new Map<string, number>();
  const byProcess = new Map<string, number>();
  const atOnce: number[] = [];
  // The environment of a process doesn't change: read once.
  const operationOf = new Map<string, string | null>();

  const look = () => {
    const now = new Map<string, { rss: number; pss: number }>();
    const alive = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    for (const pid of alive) {
      const known = operationOf.get(pid);
      const marked = known === undefined ? markOf(pid) : known;
      const operation = marked !== null && isOurs(marked) ? marked : null;
      operationOf.set(pid, marked);
      if (operation === null) continue;
      const memory = memoryOf(pid);
      const what = whatIs(pid);
      byProcess.set(what, Math.max(byProcess.get(what) ?? 0, memory.pss));
      const sum = now.get(operation) ?? { rss: 0, pss: 0 };
      now.set(operation, { rss: sum.rss + memory.rss, pss: sum.pss + memory.pss });
    }
    for (const pid of operationOf.keys()) if (!alive.includes(pid)) operationOf.delete(pid);
    for (const [operation, memory] of now) {
      rss.set(operation, Math.max(rss.get(operation) ?? 0, memory.rss));
      pss.set(operation, Math.max(pss.get(operation) ?? 0, memory.pss));
    }
    atOnce.push(now.size);
  };
  const timer = setInterval(look, everyMs);
  return {
    stop() {
      clearInterval(timer);
      const inMb = (values: Iterable<number>) =>
        [...values].map((kb) => Math.round(kb / megabyte)).sort((one, other) => one - other);
      const pssMbByProcess = Object.fromEntries(
        [...byProcess].sort().map(([what, kb]) => [what, Math.round(kb / megabyte)]),
      );
      return { rssMb: inMb(rss.values()), pssMb: inMb(pss.values()), pssMbByProcess, atOnce };
    },
  };
}

function markOf(pid: string): string | null {
  try {
    return mark.exec(readFileSync(`/proc/${pid}/environ`, 'utf8'))?.[1] ?? null;
  } catch {
    return null;
  }
}

function whatIs(pid: string): string {
  let command = '';
  try {
    command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // It ended while we looked.
  }
  const plugin = /(?:pulumi-resource-|\/resource-|\/stand-ins\/)([a-z0-9]+)/.exec(command)?.[1];
  if (plugin !== undefined) return `plugin ${plugin}`;
  if (/bin\/pulumi /.test(command)) return 'cli';
  return command.includes('child/main.ts') ? 'child' : 'other';
}

function memoryOf(pid: string): { rss: number; pss: number } {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);
    return { rss: field('Rss'), pss: field('Pss') };
  } catch {
    return { rss: 0, pss: 0 };
  }
}
