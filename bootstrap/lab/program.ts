import { spawn } from 'node:child_process';
import { programEnvironment } from './env.ts';

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

export interface ProgramOptions {
  /** @default 60_000 */
  timeoutMs?: number;
  input?: string | Buffer | undefined;
  signal?: AbortSignal | undefined;
  cwd?: string;
  env?: Record<string, string>;
}

const maxOutputBytes = 16 * 1024 * 1024;

/** Code of a program that was ended at its time limit, as coreutils' `timeout` has it. */
export const TIMED_OUT = 124;

/**
 * Runs a program to its end and gives back what it said; never raises for its exit code. At the time limit it is
 * killed and the code is `TIMED_OUT`. Output beyond 16 MiB is dropped. Raises when it can't be started.
 */
export function runProgram(argv: readonly string[], options: ProgramOptions = {}): Promise<Ended> {
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  const child = spawn(argv[0]!, argv.slice(1), {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...programEnvironment(), ...options.env },
    ...(options.cwd ? { cwd: options.cwd } : {}),
  });
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  let kept = 0;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      if (kept < maxOutputBytes) output[name].push(chunk);
      kept += chunk.length;
    });
  }
  let late = false;
  const stop = () => child.kill('SIGKILL');
  const timer = setTimeout(() => {
    late = true;
    stop();
    // A grandchild may hold the pipes open: what was said so far is the answer.
    finish(null);
  }, options.timeoutMs ?? 60_000);
  options.signal?.addEventListener('abort', stop, { once: true });
  function finish(code: number | null) {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', stop);
    resolve({
      code: late ? TIMED_OUT : (code ?? 137),
      stdout: Buffer.concat(output.stdout).toString(),
      stderr: Buffer.concat(output.stderr).toString(),
    });
  }
  child.once('error', (error) => {
    clearTimeout(timer);
    reject(error);
  });
  child.once('close', finish);
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  return promise;
}

/** Runs a program that has to succeed; gives back its stdout. Raises an Error with what it said otherwise. */
export async function mustRun(argv: readonly string[], options: ProgramOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runProgram(argv, options);
  if (code !== 0) {
    const said = `${stdout.slice(-1500)}${stderr.slice(-1500)}`.trim();
    throw new Error(`${argv.slice(0, 6).join(' ')} ended with ${code}: ${said}`);
  }
  return stdout;
}
