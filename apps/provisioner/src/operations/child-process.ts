import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ProductError } from '@claw-cloud/contracts';
import type { ChildSettings, Notes, Task, TaskResult, ToChild, ToWorker } from '../child/protocol.ts';
import { errorFields, type Log } from '../log.ts';
import { killEngineProcesses, markName, startOf } from './engine-processes.ts';
import { type MemoryUse, meterMemory } from './memory-meter.ts';

const entry = fileURLToPath(new URL('../child/main.ts', import.meta.url));
const helloTimeoutMs = 30_000;
const lastWordsBytes = 2_000;
// In megabytes: a child lives for seconds and keeps little, and several run side by side.
const execArgv = [
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=2',
  '--max-old-space-size=192',
];

export interface ChildRun {
  /** The record the child works on: an operation's or a credential's id. Marks all its processes. */
  readonly id: string;
  readonly task: Task;
  readonly settings: Omit<ChildSettings, 'workDir'>;
  /** Holds the child's own folder, named after the id. */
  readonly workRoot: string;
  /** The search path the child gets. */
  readonly path: string;
  /** Where Node keeps compiled code from one child to the next: a third less time to load, and 30 MB less memory. */
  readonly codeCache: string;
  readonly notes: Notes;
  readonly log: Log;
  /** Called before the child is told anything. */
  readonly onStart?: (process: { pid: number; startedAt: string }) => Promise<void>;
  /** Aborted: the child is asked to end in order, and killed after `graceMs`. */
  readonly interrupt: AbortSignal;
  readonly graceMs: number;
  /** Aborted: the child and its engine are killed at once. */
  readonly kill: AbortSignal;
  readonly timeoutMs: number;
}

export type ChildEnd = Conversation & {
  /** Null where it can't be told. */
  readonly memory: MemoryUse | null;
  /** The engine's plugins that were at work, by name. */
  readonly plugins: readonly string[];
};

type Conversation =
  | { readonly kind: 'result'; readonly result: TaskResult }
  /** It ended without a result. `reason` is for the log. */
  | { readonly kind: 'died'; readonly reason: string };

/**
 * Runs one task in a process of its own: a session of its own, an environment without anything of ours, a folder of
 * its own, everything it must know over the IPC channel. When this resolves, nothing of it is left running.
 */
export async function runChild(run: ChildRun): Promise<ChildEnd> {
  const workDir = join(run.workRoot, run.id);
  rmSync(workDir, { recursive: true, force: true });
  mkdirSync(workDir, { recursive: true, mode: 0o700 });
  const child = fork(entry, [], {
    // A session of its own: what it leaves behind can be found, and a signal to our group doesn't reach it.
    detached: true,
    execArgv,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: {
      PATH: run.path,
      HOME: workDir,
      TMPDIR: workDir,
      NODE_COMPILE_CACHE: run.codeCache,
      [markName]: run.id,
    },
  });
  const meter = meterMemory(child.pid);
  const plugins = new Set<string>();
  try {
    const end = await converse(run, child, workDir, (message) => {
      if (message.type === 'plugin') plugins.add(message.name);
      // A plugin may be at work, and a child alive, for less time than passes between two looks.
      if (message.type === 'plugin' || message.type === 'result') meter.look();
    });
    return { ...end, memory: meter.stop(), plugins: [...plugins] };
  } finally {
    meter.stop();
    await killEngineProcesses(run.id);
    rmSync(workDir, { recursive: true, force: true });
  }
}

async function converse(
  run: ChildRun,
  child: ChildProcess,
  workDir: string,
  onMessage: (message: ToWorker) => void,
): Promise<Conversation> {
  const { log } = run;
  let result: TaskResult | null = null;
  let told = false;
  let lastWords = '';
  const exited = Promise.withResolvers<string>();
  const hello = Promise.withResolvers<void>();

  // Only until the child has been told something: later words of a crash could quote a secret.
  child.stderr?.on('data', (chunk: Buffer) => {
    if (!told) lastWords = (lastWords + chunk.toString('utf8')).slice(-lastWordsBytes);
  });
  child.once('error', (error) => exited.resolve(`could not be started: ${error.message}`));
  child.once('exit', (code, signal) => exited.resolve(signal ?? `exit ${code}`));
  child.on('message', (raw: unknown) => {
    const message = raw as ToWorker;
    if (message.type === 'hello') hello.resolve();
    if (message.type === 'log') log(message.level, message.message, message.fields);
    if (message.type === 'result') result = message.result;
    onMessage(message);
    if (message.type === 'note') void note(message);
  });

  const send = (message: ToChild) => {
    if (child.connected) child.send(message, () => undefined);
  };
  async function note({ id, name, args }: Extract<ToWorker, { type: 'note' }>): Promise<void> {
    try {
      await (run.notes[name] as (...args: readonly unknown[]) => Promise<void>)(...args);
      send({ type: 'noted', id, ok: true });
    } catch (error) {
      const code = error instanceof ProductError ? error.code : 'internal';
      log('warn', 'a note of the child could not be kept', { name, ...errorFields(error) });
      send({
        type: 'noted',
        id,
        ok: false,
        code,
        message: error instanceof ProductError ? error.message : 'not kept',
      });
    }
  }

  const ending = new AbortController();
  const killChild = () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      child.kill('SIGKILL');
  };
  const askToEnd = () => {
    send({ type: 'interrupt' });
    delay(run.graceMs, undefined, { signal: ending.signal }).then(killChild, () => undefined);
  };
  run.kill.addEventListener('abort', killChild, { signal: ending.signal });
  run.interrupt.addEventListener('abort', askToEnd, { signal: ending.signal });
  delay(run.timeoutMs, undefined, { signal: ending.signal }).then(askToEnd, () => undefined);
  try {
    const startedAt = child.pid === undefined ? null : startOf(child.pid);
    if (child.pid !== undefined && startedAt !== null) await run.onStart?.({ pid: child.pid, startedAt });
    const greeted = await Promise.race([
      hello.promise.then(() => true),
      exited.promise.then(() => false),
      delay(helloTimeoutMs, false, { signal: ending.signal }),
    ]);
    if (greeted) {
      told = true;
      send({ type: 'start', settings: { ...run.settings, workDir }, task: run.task });
      if (run.kill.aborted) killChild();
      else if (run.interrupt.aborted) askToEnd();
    } else killChild();
    const end = await exited.promise;
    if (result !== null) return { kind: 'result', result };
    return { kind: 'died', reason: greeted ? end : `${end}: ${lastWords}` };
  } catch (error) {
    killChild();
    await exited.promise;
    throw error;
  } finally {
    ending.abort();
  }
}
