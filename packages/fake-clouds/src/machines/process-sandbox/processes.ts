import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PS_TIMEOUT_MS = 5_000;
const POLL_MS = 50;

/** Every process of a machine inherits this variable; its value is the machine's marker. */
export const MARKER_VARIABLE = 'CLAW_SANDBOX_MACHINE';

export interface ProcessEntry {
  pid: number;
  parent: number;
  session: number;
  /** Opaque text that differs between two processes that had the same pid. */
  started: string;
}

/** Which processes are a machine's: those with its marker, those that work in its root, and what descends from them. */
export interface MachineIdentity {
  marker: string;
  root: string;
}

function parseStat(pid: number, stat: string): ProcessEntry | undefined {
  // The command's name stands in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parent, , session] = fields;
  if (state === 'Z' || state === 'X') return undefined;
  return { pid, parent: Number(parent), session: Number(session), started: fields[19] ?? '' };
}

async function linuxTable(): Promise<ProcessEntry[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const entries = await Promise.all(
    names.map((name) =>
      readFile(`/proc/${name}/stat`, 'utf8').then(
        (stat) => parseStat(Number(name), stat),
        () => undefined,
      ),
    ),
  );
  return entries.filter((entry) => entry !== undefined);
}

/** `ps` where there is no /proc (macOS); its session column is no number there, so the process group stands in. */
async function psTable(): Promise<ProcessEntry[]> {
  const { stdout } = await run('ps', ['-axo', 'pid=,ppid=,pgid=,stat=,lstart='], { timeout: PS_TIMEOUT_MS });
  return stdout.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line);
    if (!match || match[4]?.startsWith('Z')) return [];
    return [
      { pid: Number(match[1]), parent: Number(match[2]), session: Number(match[3]), started: match[5] ?? '' },
    ];
  });
}

const onLinux = process.platform === 'linux';

/** All live processes this user can see; zombies are left out. */
export function processTable(): Promise<ProcessEntry[]> {
  return onLinux ? linuxTable() : psTable();
}

/** The process's start as opaque text, or undefined when there is none. */
export async function startOf(pid: number): Promise<string | undefined> {
  if (onLinux) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    return stat === undefined ? undefined : parseStat(pid, stat)?.started;
  }
  return (await psTable()).find((entry) => entry.pid === pid)?.started;
}

async function bearsMarker(pid: number, { marker, root }: MachineIdentity): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
  if (`\0${environment}`.includes(`\0${MARKER_VARIABLE}=${marker}\0`)) return true;
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => '');
  return folder === root || folder.startsWith(`${root}/`);
}

async function markedPids(table: ProcessEntry[], identity: MachineIdentity): Promise<Set<number>> {
  if (onLinux) {
    const marks = await Promise.all(
      table.map(async ({ pid }) => ((await bearsMarker(pid, identity)) ? pid : 0)),
    );
    return new Set(marks.filter((pid) => pid !== 0));
  }
  const { stdout } = await run('ps', ['-axEwwo', 'pid=,command='], {
    timeout: PS_TIMEOUT_MS,
    maxBuffer: 64 * 1024 ** 2,
  });
  const needle = `${MARKER_VARIABLE}=${identity.marker}`;
  return new Set(
    stdout
      .split('\n')
      .filter((line) => line.includes(needle))
      .map((line) => Number.parseInt(line, 10)),
  );
}

/**
 * A machine's processes, whatever they did to get away: by marker, by working folder, by session, by descent, and by
 * having been `known` before. The calling process is never among them.
 */
export async function machineProcesses(
  identity: MachineIdentity,
  known: ProcessEntry[] = [],
): Promise<ProcessEntry[]> {
  const table = await processTable();
  const found = await markedPids(table, identity);
  const starts = new Map(known.map((entry) => [entry.pid, entry.started]));
  for (const entry of table) if (starts.get(entry.pid) === entry.started) found.add(entry.pid);
  const sessions = new Set<number>();
  const own = table.find((entry) => entry.pid === process.pid);
  for (let grown = true; grown; ) {
    grown = false;
    for (const entry of table) {
      if (found.has(entry.pid)) {
        // A marked process in the caller's own session must not pull the caller's session in.
        if (entry.session === own?.session && !found.has(entry.session)) continue;
        if (!sessions.has(entry.session)) {
          sessions.add(entry.session);
          grown = true;
        }
      } else if (found.has(entry.parent) || sessions.has(entry.session)) {
        found.add(entry.pid);
        grown = true;
      }
    }
  }
  found.delete(process.pid);
  return table.filter((entry) => found.has(entry.pid));
}

function signal(entries: ProcessEntry[], name: 'SIGTERM' | 'SIGKILL') {
  for (const { pid } of entries) {
    try {
      process.kill(pid, name);
    } catch {
      // Gone in between.
    }
  }
}

/**
 * Ends all processes of a machine: SIGTERM, and SIGKILL after `graceMs` (at once when 0). Throws when some survive
 * five seconds of SIGKILL.
 */
export async function endMachine(identity: MachineIdentity, graceMs: number): Promise<void> {
  const started = performance.now();
  const terminated = new Set<number>();
  let alive: ProcessEntry[] = [];
  for (;;) {
    // A child whose parent has just ended would no longer be found by descent: hence the ones known before.
    alive = await machineProcesses(identity, alive);
    if (alive.length === 0) return;
    const elapsed = performance.now() - started;
    if (elapsed >= graceMs + 5_000) {
      throw new Error(`Processes ${alive.map(({ pid }) => pid).join(', ')} of a machine did not end.`);
    }
    if (elapsed >= graceMs) {
      signal(alive, 'SIGKILL');
    } else {
      signal(
        alive.filter(({ pid }) => !terminated.has(pid)),
        'SIGTERM',
      );
      for (const { pid } of alive) terminated.add(pid);
    }
    await delay(POLL_MS);
  }
}
