import { spawn } from 'node:child_process';
import type { CommandResult, RunOptions } from './verb.ts';

/** What root's programs see of an environment: nothing of the agent's, and the system's paths. */
const plainEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  HOME: '/root',
};

/**
 * Runs a program by its argument list, as root or as another user (by setpriv: no capability, no new privilege).
 * Keeps the end of its output. Raises when it can't be started or runs longer than its limit.
 */
export function runProgram(
  argv: readonly string[],
  { timeoutMs = 60_000, input, user, env = {}, cwd = '/', maxBytes = 1024 * 1024 }: RunOptions,
  signal: AbortSignal,
): Promise<CommandResult> {
  const asUser =
    user === undefined
      ? []
      : [
          'setpriv',
          `--reuid=${user}`,
          `--regid=${user}`,
          '--init-groups',
          '--no-new-privs',
          '--inh-caps=-all',
          '--',
        ];
  const [program = '', ...args] = [...asUser, ...argv];
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
  const timeout = AbortSignal.timeout(timeoutMs);
  const child = spawn(program, args, {
    cwd,
    env: { ...plainEnvironment, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    signal: AbortSignal.any([signal, timeout]),
    killSignal: 'SIGKILL',
  });
  const kept = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8');
    child[name].on('data', (chunk: string) => {
      kept[name] = (kept[name] + chunk).slice(-maxBytes);
    });
  }
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  child.once('error', (error) =>
    reject(
      timeout.aborted ? new Error(`${argv[0]} took longer than ${Math.round(timeoutMs / 1000)} s`) : error,
    ),
  );
  child.once('close', (code) => resolve({ code: code ?? 1, ...kept }));
  return promise;
}
