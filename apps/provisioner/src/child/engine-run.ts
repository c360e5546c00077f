import { ProductError } from '@claw-cloud/contracts';
import type { OpenCredential, Provider } from '@claw-cloud/providers';
import type { PulumiFn } from '@pulumi/pulumi/automation/index.js';
import { killEngineProcesses } from '../operations/engine-processes.ts';
import type { Engine } from './engine.ts';
import { type EngineEars, listenToEngine } from './engine-events.ts';
import { accessOf, isLost, type OperationParts, type OperationTask, stackOf } from './parts.ts';
import type { StackKey } from './stack-key.ts';
import { deleteStateRows } from './state-rows.ts';

const maxDestroys = 3;
/** For a step under way at the cloud to end and be saved. */
const stepGraceMs = 20_000;

async function engineOf(parts: OperationParts, task: OperationTask, key: StackKey): Promise<Engine> {
  const { project } = await stackOf(task);
  return key.use((passphrase) =>
    parts.engine.for({
      backendUrl: parts.settings.pulumiBackendUrl,
      project,
      stackName: task.lease.instance.id,
      passphrase,
    }),
  );
}

interface EngineError {
  /** The CLI was ended by a signal that wasn't ours: what it was doing is unknown, and it left its locks. */
  readonly died?: boolean;
  /** It was stopped because it took too long. */
  readonly late?: boolean;
}

const causeOf = (error: unknown): EngineError =>
  error instanceof ProductError ? ((error.options.cause as EngineError | undefined) ?? {}) : {};
export const isDeadEngine = (error: unknown): boolean => causeOf(error).died === true;
export const isLateEngine = (error: unknown): boolean => causeOf(error).late === true;

interface Deadline {
  /** Aborted by the deadline, and when the operation is interrupted: the CLI then ends after the step under way. */
  readonly signal: AbortSignal;
  passed(): boolean;
  stop(): void;
}

/** Stops a run of the engine that takes too long; a step that doesn't end either is killed. */
function deadlineOf(parts: OperationParts, task: OperationTask): Deadline {
  const passing = new AbortController();
  let killing: NodeJS.Timeout | undefined;
  const waiting = setTimeout(() => {
    passing.abort(new Error('the engine took too long'));
    killing = setTimeout(() => {
      killEngineProcesses(task.lease.operation.id).catch(() => undefined);
    }, stepGraceMs);
  }, parts.settings.engineTimeoutMs);
  return {
    signal: AbortSignal.any([parts.signal, passing.signal]),
    passed: () => passing.signal.aborted,
    stop() {
      clearTimeout(waiting);
      clearTimeout(killing);
    },
  };
}

/**
 * What an error of the engine means: the cloud's own reason where its text holds one, else `engine_failed`. Errors of
 * the product, and those after an interruption, pass unchanged. A dead engine's plugins are ended here.
 */
async function explained(
  parts: OperationParts,
  task: OperationTask,
  cloud: Provider,
  ears: EngineEars,
  late: boolean,
  error: unknown,
): Promise<unknown> {
  if (error instanceof ProductError || parts.signal.aborted) return error;
  const said = parts.redactor.clean(error instanceof Error ? error.message : String(error), 8_000);
  const died = /\bwas killed with SIG[A-Z]+/.test(said);
  if (died || late) {
    parts.engineState.unclean = true;
    await killEngineProcesses(task.lease.operation.id);
  }
  parts.log(
    'warn',
    late ? 'the engine took too long' : died ? 'the engine was killed' : 'the engine failed',
    {
      text: said.slice(-1500),
    },
  );
  if (late) {
    const minutes = Math.max(1, Math.round(parts.settings.engineTimeoutMs / 60_000));
    return new ProductError(
      'cloud_unavailable',
      `The cloud did not finish within ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`,
      'Try again later, or choose another region.',
      { cause: { late } satisfies EngineError },
    );
  }
  const known = died ? null : cloud.explain(`${ears.errors()}\n${said}`);
  return (
    known ??
    new ProductError(
      'engine_failed',
      'The engine that makes the server ended with an error.',
      'Try again. If it happens again, send us the operation id.',
      { cause: { died } satisfies EngineError },
    )
  );
}

/** Brings the cloud to what the program says; returns the server's id. Raises the cloud's reason or `engine_failed`. */
export async function upStack(
  parts: OperationParts,
  task: OperationTask,
  cloud: Provider,
  key: StackKey,
  program: PulumiFn,
): Promise<string> {
  const ears = listenToEngine(parts.notes, parts.redactor, parts.log);
  const deadline = deadlineOf(parts, task);
  try {
    const engine = await engineOf(parts, task, key);
    const { engineState } = parts;
    const isFirst = key.isNew() && !engineState.unclean;
    const stack = isFirst ? await engine.create(program) : await engine.open(program);
    if (engineState.unclean) {
      // Whoever held the locks is dead: its processes were ended before.
      await stack.cancel();
      parts.signal.throwIfAborted();
      await stack.refresh({ signal: deadline.signal });
    }
    parts.signal.throwIfAborted();
    // What fails from here on leaves a stack to be opened, not made.
    engineState.unclean = true;
    const result = await stack.up({ onEvent: ears.onEvent, signal: deadline.signal });
    engineState.unclean = false;
    await ears.settled();
    return String(result.outputs.serverId?.value);
  } catch (error) {
    throw await explained(parts, task, cloud, ears, deadline.passed(), error);
  } finally {
    deadline.stop();
  }
}

/**
 * Lets the engine delete what it knows of, with the current credential. Does nothing without a stack. Raises the
 * cloud's reason or `engine_failed`; the stack stays in any case.
 */
export async function destroyStack(
  parts: OperationParts,
  task: OperationTask,
  cloud: Provider,
  credential: OpenCredential,
  key: StackKey,
): Promise<void> {
  if (!key.exists()) return;
  const program = (await stackOf(task)).accessOnly(accessOf(parts, credential));
  const engine = await engineOf(parts, task, key);
  for (let attempt = 1; ; attempt += 1) {
    const ears = listenToEngine(parts.notes, parts.redactor, parts.log);
    const deadline = deadlineOf(parts, task);
    try {
      const stack = await engine.find(program);
      if (!stack) return;
      if (parts.engineState.unclean) await stack.cancel();
      parts.signal.throwIfAborted();
      await stack.destroy({ onEvent: ears.onEvent, runProgram: true, signal: deadline.signal });
      return await ears.settled();
    } catch (error) {
      const reason = await explained(parts, task, cloud, ears, deadline.passed(), error);
      if (!isDeadEngine(reason) || attempt === maxDestroys) throw reason;
    } finally {
      deadline.stop();
    }
  }
}

/** Forgets the instance's stack, whatever its state still says. Call it when the cloud is known to be clear. */
export async function forgetStack(parts: OperationParts, task: OperationTask, key: StackKey): Promise<void> {
  if (!key.exists()) return;
  try {
    const engine = await engineOf(parts, task, key);
    await engine.remove();
    const { project } = await stackOf(task);
    await deleteStateRows(parts.settings.pulumiBackendUrl, project, task.lease.instance.id);
  } catch (error) {
    if (parts.signal.aborted || isLost(error)) throw error;
    const text = error instanceof Error ? error.message : String(error);
    parts.log('warn', 'the stack could not be removed', { text: parts.redactor.clean(text) });
    throw new ProductError(
      'engine_failed',
      'The server is gone, but the record of the engine could not be removed.',
      'Destroy once more.',
      { resourceMayExist: false },
    );
  }
}
