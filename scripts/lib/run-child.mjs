import { spawn } from 'node:child_process';
import { childEnv } from './env.mjs';

const killAfterMs = 5_000;
const headLimit = 4_000;
const headLines = 60;
const tailLines = 45;

/**
 * Runs a program to its end, in a process group of its own that ends as a whole on abort and after
 * `timeoutMs`. Raises an error with its last lines unless it ends with 0.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, signal?: AbortSignal, timeoutMs: number }} options
 * @returns {Promise<string>} its standard output, at most the last 200,000 characters
 */
export async function runChild(command, args, { cwd, env, signal, timeoutMs }) {
  signal?.throwIfAborted();
  const child = spawn(command, args, {
    cwd,
    env: env ?? childEnv(),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let head = '';
  let both = '';
  const note = (text) => {
    head += text.slice(0, Math.max(0, headLimit - head.length));
    both = (both + text).slice(-20_000);
  };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout = (stdout + text).slice(-200_000);
    note(text);
  });
  child.stderr.setEncoding('utf8').on('data', note);
  let hardKill;
  let late = false;
  const end = () => {
    killGroup(child.pid, 'SIGTERM');
    hardKill = setTimeout(() => killGroup(child.pid, 'SIGKILL'), killAfterMs);
  };
  const limit = setTimeout(() => {
    late = true;
    end();
  }, timeoutMs);
  signal?.addEventListener('abort', end, { once: true });
  try {
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode, signalName) => resolve(exitCode ?? signalName));
    });
    signal?.throwIfAborted();
    if (late) throw new Error(`${command} took longer than ${timeoutMs / 1000} s`);
    if (code === 0) return stdout;
    throw new Error(
      `${[command, ...args].join(' ').slice(0, 200)} ended with ${code}:\n${headAndTail(head, both)}`,
    );
  } finally {
    clearTimeout(limit);
    clearTimeout(hardKill);
    signal?.removeEventListener('abort', end);
  }
}

/** The cause of a failure tends to stand first or last. */
function headAndTail(head, both) {
  const lines = both.trim().split('\n');
  if (head.length < headLimit && lines.length <= tailLines) return lines.join('\n');
  return [...head.split('\n').slice(0, headLines), '…', ...lines.slice(-tailLines)].join('\n');
}

function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // It ended by itself.
  }
}

/**
 * Runs a program on this terminal and returns its exit code. Ctrl-C reaches it through the terminal, or,
 * where there is none, is passed on; so is a request to end.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string> }} [options]
 * @returns {Promise<number>}
 */
export function runOnTerminal(command, args, { cwd, env } = {}) {
  const child = spawn(command, args, { cwd, env: env ?? childEnv(), stdio: 'inherit' });
  const passOn = (signal) => {
    if (signal === 'SIGINT' && process.stdin.isTTY) return;
    child.kill(signal);
  };
  for (const name of forwarded) process.on(name, passOn);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + (signalNumbers[signal] ?? 1)));
  }).finally(() => {
    for (const name of forwarded) process.off(name, passOn);
  });
}

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };

/** The work was ended by Ctrl-C or a request to end. */
export class Interrupted extends Error {
  name = 'Interrupted';
}

/**
 * Does `work` with a signal that aborts on Ctrl-C and on requests to end, so that it can end its children.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function untilInterrupted(work) {
  const ending = new AbortController();
  const onSignal = () => ending.abort(new Interrupted('Stopped.'));
  for (const name of forwarded) process.on(name, onSignal);
  try {
    return await work(ending.signal);
  } catch (error) {
    ending.signal.throwIfAborted();
    throw error;
  } finally {
    for (const name of forwarded) process.off(name, onSignal);
  }
}

/**
 * Runs a script's main function: an interruption ends it with 130, an error with 1 and one message.
 * @param {() => Promise<number | undefined>} main
 */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    const interrupted = error instanceof Interrupted;
    process.stderr.write(`\n${interrupted ? 'Stopped.' : error instanceof Error ? error.message : error}\n`);
    process.exitCode = interrupted ? 130 : 1;
  }
}
