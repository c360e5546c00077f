import { ProductError } from '@claw-cloud/contracts';
import type { OpenCredential, Provider } from '@claw-cloud/providers';
import type { PulumiFn } from '@pulumi/pulumi/automation/index.js';
import { type EngineEars, listenToEngine } from './engine-events.ts';
import { accessOf, isLost, type OperationParts, type OperationTask, stackOf } from './parts.ts';
import type { StackKey } from './stack-key.ts';
import { deleteStateRows } from './state-rows.ts';
import { findStack, openStack, type WorkspaceOptions } from './workspace.ts';

/** Raises `engine_unavailable` when no engine is there. */
async function workspaceOptions(
  parts: OperationParts,
  task: OperationTask,
  key: StackKey,
  program: PulumiFn,
): Promise<WorkspaceOptions> {
  const { engine, pulumiBackendUrl, workDir } = parts.settings;
  if (!engine) {
    throw new ProductError(
      'engine_unavailable',
      'The Pulumi engine is not set up on this computer.',
      'Run the setup of the platform, then try again.',
    );
  }
  const { project } = await stackOf(task);
  return {
    engine,
    backendUrl: pulumiBackendUrl,
    workDir,
    project,
    stackName: task.lease.instance.id,
    passphrase: key.use((text) => text),
    program,
  };
}

/**
 * What an error of the engine means: the cloud's own reason where its text holds one, else `engine_failed`. Errors of
 * the product, and those after an interruption, pass unchanged.
 */
function explained(parts: OperationParts, cloud: Provider, ears: EngineEars, error: unknown): unknown {
  if (error instanceof ProductError || parts.signal.aborted) return error;
  const said = parts.redactor.clean(error instanceof Error ? error.message : String(error), 8_000);
  const known = cloud.explain(`${ears.errors()}\n${said}`);
  parts.log('warn', 'the engine failed', { code: known?.code ?? 'engine_failed', text: said.slice(-1500) });
  return (
    known ??
    new ProductError(
      'engine_failed',
      'The engine that makes the server ended with an error.',
      'Try again. If it happens again, send us the operation id.',
      { cause: { name: error instanceof Error ? error.name : 'unknown' } },
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
  unclean: boolean,
): Promise<string> {
  const ears = listenToEngine(parts.notes, parts.redactor, parts.log);
  try {
    const stack = await openStack(await workspaceOptions(parts, task, key, program));
    if (unclean) {
      // Whoever held the locks is dead: its processes were ended before this child was started.
      await stack.cancel();
      parts.signal.throwIfAborted();
      await stack.refresh({ signal: parts.signal });
    }
    parts.signal.throwIfAborted();
    const result = await stack.up({ onEvent: ears.onEvent, signal: parts.signal });
    await ears.settled();
    return String(result.outputs.serverId?.value);
  } catch (error) {
    throw explained(parts, cloud, ears, error);
  }
}

/**
 * Lets the engine delete what it knows of, with the current credential, and removes the stack and what the backend
 * keeps of it. Does nothing without a stack. Raises the cloud's reason or `engine_failed`; then the stack stays.
 */
export async function destroyStack(
  parts: OperationParts,
  task: OperationTask,
  cloud: Provider,
  credential: OpenCredential,
  key: StackKey,
): Promise<void> {
  if (!key.exists()) return;
  const ears = listenToEngine(parts.notes, parts.redactor, parts.log);
  try {
    const definition = await stackOf(task);
    const options = await workspaceOptions(
      parts,
      task,
      key,
      definition.accessOnly(accessOf(parts, credential)),
    );
    const stack = await findStack(options);
    if (!stack) return;
    if (task.unclean) await stack.cancel();
    parts.signal.throwIfAborted();
    await stack.destroy({ onEvent: ears.onEvent, runProgram: true, signal: parts.signal });
    await ears.settled();
  } catch (error) {
    throw explained(parts, cloud, ears, error);
  }
}

/** Forgets the instance's stack, whatever its state still says. Call it when the cloud is known to be clear. */
export async function forgetStack(parts: OperationParts, task: OperationTask, key: StackKey): Promise<void> {
  if (!key.exists()) return;
  try {
    const options = await workspaceOptions(parts, task, key, async () => undefined);
    const stack = await findStack(options);
    await stack?.workspace.removeStack(options.stackName, { force: true });
    await deleteStateRows(options.backendUrl, options.project, options.stackName);
  } catch (error) {
    if (parts.signal.aborted || isLost(error)) throw error;
    const text = error instanceof Error ? error.message : String(error);
    parts.log('warn', 'the stack could not be removed', { text: parts.redactor.clean(text) });
    throw new ProductError(
      'engine_failed',
      'The server is gone, but the record of the engine could not be removed.',
      'Destroy once more.',
    );
  }
}
