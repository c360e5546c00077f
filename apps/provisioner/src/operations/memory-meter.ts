import { readdirSync, readFileSync } from 'node:fs';

/** Megabytes of resident memory, as the kernel counts them. */
export interface MemoryUse {
  /** The most that the child and everything below it held at one moment. */
  readonly peakMb: number;
  /** The most that each held, by what it is: `child`, `cli`, `plugin-<name>`, `other`. */
  readonly byProcess: Readonly<Record<string, number>>;
}

/** Each look reads dozens of files for each operation; what one process held at most the kernel remembers. */
const sampleMs = 500;
const kbPerMb = 1024;

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It ended while we looked.
    return '';
  }
};

function childrenOf(pid: number): number[] {
  try {
    // Any of its threads may have started one.
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

const familyOf = (pid: number): number[] => [pid, ...childrenOf(pid).flatMap(familyOf)];

function whatIs(pid: number): string {
  const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
  // By its folder where it runs under an interpreter, which shows the script's own name.
  const plugin = /(?:pulumi-resource-|\/resource-|\/stand-ins\/)([a-z0-9]+)/.exec(command)?.[1];
  if (plugin !== undefined) return `plugin-${plugin}`;
  if (/bin\/pulumi /.test(command)) return 'cli';
  return command.includes('child/main.ts') ? 'child' : 'other';
}

function memoryOf(pid: number): { mostKb: number; nowKb: number } {
  const status = read(`/proc/${pid}/status`);
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  return { mostKb: field('VmHWM'), nowKb: field('VmRSS') };
}

export interface MemoryMeter {
  /** Looks now; it does so by itself twice a second. */
  look(): void;
  /** Null as long as nothing was seen, and where the system has no /proc. */
  read(): MemoryUse | null;
  /** Ends the watch; what was seen stays. */
  stop(): MemoryUse | null;
}

/** Watches a process and all below it. */
export function meterMemory(pid: number | undefined): MemoryMeter {
  if (pid === undefined || process.platform !== 'linux')
    return { look: () => undefined, read: () => null, stop: () => null };
  const most = new Map<string, number>();
  let peakKb = 0;
  const sample = () => {
    let sumKb = 0;
    for (const member of familyOf(pid)) {
      const { mostKb, nowKb } = memoryOf(member);
      if (mostKb === 0) continue;
      const what = whatIs(member);
      most.set(what, Math.max(most.get(what) ?? 0, mostKb));
      sumKb += nowKb;
    }
    peakKb = Math.max(peakKb, sumKb);
  };
  const timer = setInterval(sample, sampleMs);
  timer.unref();
  function read(): MemoryUse | null {
    if (peakKb === 0) return null;
    const byProcess = Object.fromEntries(
      [...most].sort().map(([what, kb]) => [what, Math.round(kb / kbPerMb)]),
    );
    return { peakMb: Math.round(peakKb / kbPerMb), byProcess };
  }
  return {
    look: sample,
    read,
    stop() {
      clearInterval(timer);
      return read();
    },
  };
}
