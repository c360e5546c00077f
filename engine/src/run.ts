import { spawn } from 'node:child_process';

export type RunOptions = {
  env: NodeJS.ProcessEnv;
  timeoutMs: number;
  cwd?: string;
  signal?: AbortSignal | undefined;
};

const tailLines = 25;
const killAfterMs = 3_000;

/**
 * Runs a program to its end and returns its standard output (at most 1 MB is kept). It gets a process
 * group of its own, which ends as a whole on abort and after `timeoutMs`: a Go build has many children.
 * Raises an error that carries the last lines of output.
 */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<string> {
  options.signal?.throwIfAborted();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', both: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout = (output.stdout + text).slice(-1_000_000);
    output.both = (output.both + text).slice(-20_000);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.both = (output.both + text).slice(-20_000);
  });

  let ended: 'aborted' | 'timed out' | undefined;
  let hardKill: NodeJS.Timeout | undefined;
  const end = (why: 'aborted' | 'timed out') => {
    ended ??= why;
    killGroup(child.pid, 'SIGTERM');
    hardKill = setTimeout(() => killGroup(child.pid, 'SIGKILL'), killAfterMs);
  };
  const onAbort = () => end('aborted');
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const timeout = setTimeout(() => end('timed out'), options.timeoutMs);
  try {
    const code = await new Promise<number | string>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode, signalName) => resolve(exitCode ?? signalName ?? 'unknown'));
    });
    if (ended === 'aborted') options.signal?.throwIfAborted();
    if (ended === 'timed out') throw new Error(`${command} took longer than ${options.timeoutMs / 1000} s`);
    if (code !== 0) throw new Error(`${command} ${args[0] ?? ''} ended with ${code}:\n${tail(output.both)}`);
    return output.stdout;
  } finally {
    clearTimeout(timeout);
    clearTimeout(hardKill);
    options.signal?.removeEventListener('abort', onAbort);
  }
}

function tail(text: string): string {
  return text.trim().split('\n').slice(-tailLines).join('\n');
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already.
  }
}
