import { ProductError } from '@claw-cloud/contracts';
import { cutOff } from '@claw-cloud/engine/whole-program';
import type { OpenCredential, Provider } from '@claw-cloud/providers';
import type { StackAccess } from '@claw-cloud/stacks';
import type { Output } from '@pulumi/pulumi';
import type { PulumiFn, StepEventMetadata } from '@pulumi/pulumi/automation/index.js';
import { killEngineProcesses } from '../operations/engine-processes.ts';
import { deleteStateRows, keepsStateInRows } from '../state-rows.ts';
import { type Engine, isNoStack } from './engine.ts';
import { type EngineEars, listenToEngine, pluginOf } from './engine-events.ts';
import { accessOf, isLost, type OperationParts, type OperationTask, stackOf } from './parts.ts';
import type { StackKey } from './stack-key.ts';

const maxDestroys = 3;
const maxSteps = 200;
/** For a step under way at the cloud to end and be saved. */
const stepGraceMs = 20_000;

async function engineOf(
  parts: OperationParts,
  task: OperationTask,
  key: StackKey,
  access?: StackAccess,
): Promise<Engine> {
  const { project, environment } = await stackOf(task);
  return key.use((passphrase) =>
    parts.engine.for({
      backendUrl: parts.settings.pulumiBackendUrl,
      project,
      stackName: task.lease.instance.id,
      passphrase,
      ...(access && environment ? { environment: environment(access) } : {}),
    }),
  );
}

interface EngineError {
  /**
   * The CLI was ended by a signal that wasn't ours, or lost the program: what it was doing is unknown, and it may have
   * left its locks.
   */
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
  const killed = /\bwas killed with SIG[A-Z]+/.test(said);
  const known = killed || late ? null : cloud.explain(`${ears.errors()}\n${said}`);
  // A run that failed for another reason cuts its program off too.
  const died = killed || (known === null && said.includes(cutOff));
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

/** What a run of the engine works with. */
export interface EngineWork {
  readonly cloud: Provider;
  readonly credential: OpenCredential;
  readonly key: StackKey;
}

/** The program, whose server's id is kept as soon as it is known: reading it back is a start of the CLI. */
function remembering(program: PulumiFn, server: { id?: string }): PulumiFn {
  return async () => {
    const outputs = (await program()) as { readonly serverId: Output<string> };
    return {
      ...outputs,
      serverId: outputs.serverId.apply((id) => {
        server.id = id;
        return id;
      }),
    };
  };
}

/**
 * Brings the cloud to what the program says; returns the server's id. Raises the cloud's reason or `engine_failed`.
 * `refresh` looks at the cloud first, so that what was changed there by hand is brought back.
 */
export async function upStack(
  parts: OperationParts,
  task: OperationTask,
  { cloud, credential, key }: EngineWork,
  programFor: (access: StackAccess) => PulumiFn,
  { refresh = false } = {},
): Promise<string> {
  const ears = listenToEngine(parts);
  // Asked for anew before each run: where it is a session, this one's whole time is ahead.
  const access = await accessOf(parts, task, cloud, credential);
  const server: { id?: string } = {};
  const program = remembering(programFor(access), server);
  const deadline = deadlineOf(parts, task);
  try {
    const engine = await engineOf(parts, task, key, access);
    const { engineState } = parts;
    const isFirst = key.isNew() && !engineState.unclean;
    const stack = isFirst ? await engine.create(program) : await engine.open(program);
    // Whoever held the locks is dead: its processes were ended before.
    if (engineState.unclean) await stack.cancel();
    parts.signal.throwIfAborted();
    // With the program: the state may remember a credential that is no longer good.
    if (engineState.unclean || refresh) await stack.refresh({ signal: deadline.signal, runProgram: true });
    parts.signal.throwIfAborted();
    // What fails from here on leaves a stack to be opened, not made.
    engineState.unclean = true;
    await stack.up({ onEvent: ears.onEvent, signal: deadline.signal });
    engineState.unclean = false;
    await ears.settled();
    if (server.id === undefined) throw new Error('the program named no server');
    return server.id;
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
  { cloud, credential, key }: EngineWork,
): Promise<void> {
  if (!key.exists()) return;
  const { accessOnly } = await stackOf(task);
  for (let attempt = 1; ; attempt += 1) {
    const access = await accessOf(parts, task, cloud, credential);
    const program = accessOnly(access);
    const engine = await engineOf(parts, task, key, access);
    const ears = listenToEngine(parts);
    const deadline = deadlineOf(parts, task);
    try {
      const stack = await engine.existing(program);
      if (parts.engineState.unclean) await stack.cancel();
      parts.signal.throwIfAborted();
      await stack.destroy({ onEvent: ears.onEvent, runProgram: true, signal: deadline.signal });
      return await ears.settled();
    } catch (error) {
      if (isNoStack(error)) return;
      const reason = await explained(parts, task, cloud, ears, deadline.passed(), error);
      if (!isDeadEngine(reason) || attempt === maxDestroys) throw reason;
    } finally {
      deadline.stop();
    }
  }
}

/** Whether the engine knows the instance at all. */
export async function stackExists(
  parts: OperationParts,
  task: OperationTask,
  { cloud, credential, key }: EngineWork,
): Promise<boolean> {
  if (!key.exists()) return false;
  const access = await accessOf(parts, task, cloud, credential);
  const { accessOnly } = await stackOf(task);
  const engine = await engineOf(parts, task, key, access);
  const stack = await engine.existing(accessOnly(access));
  const { deployment } = await stack.exportStack().catch((error: unknown) => {
    if (isNoStack(error)) return { deployment: undefined };
    throw error;
  });
  return ((deployment as { resources?: unknown[] } | undefined)?.resources?.length ?? 0) > 1;
}

/**
 * What the engine finds when it looks at everything it made, with the current credential; changes nothing, in the cloud
 * or in the state. Null without a stack: then nobody knows what was made. Raises the cloud's reason or `engine_failed`.
 */
export async function lookAtStack(
  parts: OperationParts,
  task: OperationTask,
  { cloud, credential, key }: EngineWork,
): Promise<StepEventMetadata[] | null> {
  if (!key.exists()) return null;
  const access = await accessOf(parts, task, cloud, credential);
  const { accessOnly } = await stackOf(task);
  const ears = listenToEngine(parts);
  const deadline = deadlineOf(parts, task);
  const steps: StepEventMetadata[] = [];
  try {
    const engine = await engineOf(parts, task, key, access);
    const stack = await engine.existing(accessOnly(access));
    if (parts.engineState.unclean) await stack.cancel();
    parts.signal.throwIfAborted();
    await stack.previewRefresh({
      runProgram: true,
      signal: deadline.signal,
      onEvent(event) {
        const seen = event.resOutputsEvent?.metadata;
        if (seen && steps.length < maxSteps) steps.push(seen);
        // A look is no change, and tells the owner of none: only what it calls errors, and which plugin is at work.
        if (event.diagnosticEvent || (seen && pluginOf(seen) !== null)) ears.onEvent(event);
      },
    });
    return steps;
  } catch (error) {
    if (isNoStack(error)) return null;
    throw await explained(parts, task, cloud, ears, deadline.passed(), error);
  } finally {
    deadline.stop();
  }
}

/** Forgets the instance's stack, whatever its state still says. Call it when the cloud is known to be clear. */
export async function forgetStack(parts: OperationParts, task: OperationTask, key: StackKey): Promise<void> {
  if (!key.exists()) return;
  try {
    const { project } = await stackOf(task);
    const { pulumiBackendUrl } = parts.settings;
    if (keepsStateInRows(pulumiBackendUrl))
      await deleteStateRows(pulumiBackendUrl, project, task.lease.instance.id);
    else await (await engineOf(parts, task, key)).remove();
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
