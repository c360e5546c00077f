import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, existsSync, renameSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const endWithLauncher = fileURLToPath(new URL('./end-with-launcher.mjs', import.meta.url));
const logLimitBytes = 20 * 1024 * 1024;

export interface ChildOptions {
  name: string;
  /** The program's entry file. */
  entry: string;
  env: Record<string, string>;
  logFile: string;
  /** How long the child may take to say that it is ready. */
  readyTimeoutMs?: number;
  nodeArguments?: string[];
}

export interface Child {
  name: string;
  pid: number;
  /** What the child printed as its ready line. */
  ready: Record<string, unknown>;
  alive(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** Asks the child to end; after graceMs it is killed. Resolves when it is gone. */
  stop(graceMs?: number): Promise<void>;
  exited: Promise<void>;
}

/**
 * Starts one process of the platform and waits for its ready line, a line of JSON with `ready: true` on stdout.
 * Its output goes to the log file. It ends by itself when this process is gone.
 * Raises an error with the last lines of the log when it ends or stays silent instead.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, entry, env, logFile, readyTimeoutMs = 60_000 } = options;
  if (existsSync(logFile) && statSync(logFile).size > logLimitBytes) renameSync(logFile, `${logFile}.1`);
  const log = createWriteStream(logFile, { flags: 'a', mode: 0o600 });
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--import',
      endWithLauncher,
      ...(options.nodeArguments ?? []),
      entry,
    ],
    {
      env,
      // A process group of its own: the terminal's Ctrl-C reaches the launcher alone, which ends things in order.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  const tail: string[] = [];
  const keep = (line: string) => {
    log.write(`${line}\n`);
    tail.push(line);
    if (tail.length > 20) tail.shift();
  };
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      log.end();
      resolve();
    });
  });
  const ready = await new Promise<Record<string, unknown>>((resolve, reject) => {
    const fail = (reason: string) =>
      reject(new Error(`${name} ${reason}. The end of its log (${logFile}):\n${tail.join('\n')}`));
    const timer = setTimeout(() => {
      killGroup(child, 'SIGKILL');
      fail(`did not start within ${readyTimeoutMs / 1000} s`);
    }, readyTimeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      fail(`could not be started (${error.message})`);
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      fail(`ended at its start (${signal ?? `exit ${code}`})`);
    });
    if (child.stderr) createInterface({ input: child.stderr }).on('line', keep);
    if (child.stdout)
      createInterface({ input: child.stdout }).on('line', (line) => {
        const answer = readyLine(line);
        if (!answer) return keep(line);
        clearTimeout(timer);
        resolve(answer);
      });
  });
  const alive = () => child.exitCode === null && child.signalCode === null;
  return {
    name,
    pid: child.pid ?? 0,
    ready,
    alive,
    exited,
    kill: (signal) => void (alive() && child.kill(signal)),
    async stop(graceMs = 15_000) {
      if (!alive()) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => killGroup(child, 'SIGKILL'), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (!child.pid) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal);
  }
}

function readyLine(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{"ready":true')) return null;
  const parsed: unknown = JSON.parse(line);
  return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : null;
}
