import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Every process of an operation's child carries this in its environment, whatever group or session it is in. */
export const markName = 'CLAW_ENGINE_OF';

export interface ProcessEntry {
  readonly pid: number;
  readonly session: number | null;
  /** Milliseconds since 1970, to about 10 ms. */
  readonly startedAt: number;
  readonly marks: boolean;
}

const clockTicksPerSecond = 100;
/** The kernel derives start times from the clock, which may be adjusted in between. */
const startToleranceMs = 2_000;

function bootTimeMs(): number {
  const line = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'));
  return Number(line?.[1] ?? 0) * 1000;
}

function readLinux(pid: number, mark: string, bootedAt: number): ProcessEntry | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; behind it come state (field 3), …, session (6), start time (22).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return {
      pid,
      session: Number(fields[3]),
      startedAt: bootedAt + (Number(fields[19]) * 1000) / clockTicksPerSecond,
      marks: readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark),
    };
  } catch {
    // It ended while we looked, or belongs to somebody else.
    return null;
  }
}

function listLinux(mark: string): ProcessEntry[] {
  const bootedAt = bootTimeMs();
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readLinux(Number(name), mark, bootedAt) ?? []);
}

/** macOS has no /proc: ps shows the environment of this user's processes behind their command. */
function listWithPs(mark: string): ProcessEntry[] {
  const text = execFileSync('ps', ['-axEww', '-o', 'pid=,lstart=,command='], {
    encoding: 'utf8',
    timeout: 10_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  return text.split('\n').flatMap((line) => {
    const found = /^\s*(\d+)\s+(\w{3} \w{3}\s+\d+ [\d:]{8} \d{4})\s(.*)$/.exec(line);
    if (!found) return [];
    return [
      {
        pid: Number(found[1]),
        session: null,
        startedAt: Date.parse(found[2] ?? ''),
        marks: (found[3] ?? '').split(/\s/).includes(mark),
      },
    ];
  });
}

const list = (mark: string): ProcessEntry[] =>
  process.platform === 'linux' ? listLinux(mark) : listWithPs(mark);

const markOf = (operationId: string): string => `${markName}=${operationId}`;

/** When a process started, ISO 8601; null when there is none of this pid. */
export function startOf(pid: number): string | null {
  const entry =
    process.platform === 'linux'
      ? readLinux(pid, '', bootTimeMs())
      : list('').find((candidate) => candidate.pid === pid);
  return entry ? new Date(entry.startedAt).toISOString() : null;
}

/**
 * The living processes of an operation's engine, this process aside: those that carry its mark, and those of the
 * session of `leader` while the leader is still the process that was recorded.
 */
export function engineProcesses(
  operationId: string,
  leader: { readonly pid: number; readonly startedAt: string } | null = null,
): number[] {
  const entries = list(markOf(operationId));
  const sameLeader =
    leader !== null &&
    entries.some(
      (entry) =>
        entry.pid === leader.pid &&
        Math.abs(entry.startedAt - Date.parse(leader.startedAt)) <= startToleranceMs,
    );
  return entries
    .filter(
      (entry) => entry.marks || (sameLeader && (entry.pid === leader.pid || entry.session === leader.pid)),
    )
    .map((entry) => entry.pid)
    .filter((pid) => pid !== process.pid);
}

/**
 * Kills what is left of an operation's engine on this computer and waits until nothing of it lives. Raises an Error
 * after `timeoutMs` (default 10 s): then nothing may be started in its place. Returns how many were killed.
 */
export async function killEngineProcesses(
  operationId: string,
  leader: { readonly pid: number; readonly startedAt: string } | null = null,
  timeoutMs = 10_000,
): Promise<number> {
  const end = Date.now() + timeoutMs;
  const killed = new Set<number>();
  for (;;) {
    const living = engineProcesses(operationId, leader);
    if (living.length === 0) return killed.size;
    if (Date.now() > end)
      throw new Error(`processes of operation ${operationId} can't be ended: ${living.join(', ')}`);
    for (const pid of living) {
      killed.add(pid);
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself in between.
      }
    }
    await delay(20);
  }
}
