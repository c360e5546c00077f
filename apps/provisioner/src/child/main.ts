import { toFailure } from '@claw-cloud/contracts';
import { ready } from '@claw-cloud/crypto';
import type { KeyRing } from '@claw-cloud/crypto/kek';
import { loadKeyRing } from '../keys/key-source.ts';
import { endWithWorker } from './end-with-worker.ts';
import { warmEngine } from './engine.ts';
import { isOperation, isRateLimited, type OperationParts } from './parts.ts';
import type { TaskResult } from './protocol.ts';
import { createRedactor } from './redactor.ts';
import { linkToWorker } from './worker-link.ts';

// The one process that opens credentials: made for one task, told everything over the IPC channel, gone afterwards.

const link = linkToWorker();
const { settings, task } = await link.started;
const redactor = createRedactor();
endWithWorker(link, isOperation(task) ? task.lease.operation.id : task.credential.id);

const fatal = (error: unknown): never => {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  link.log('error', 'the child ended unexpectedly', { text: redactor.clean(text) });
  // The line above needs a turn of the loop to leave.
  setTimeout(() => process.exit(1), 50);
  return undefined as never;
};
/** An error of gRPC: a numeric status with its details. */
const isCallToEngine = (error: unknown): error is { code: number } =>
  error instanceof Error && typeof (error as { code?: unknown }).code === 'number' && 'details' in error;

process.on('uncaughtException', fatal);
process.on('unhandledRejection', (error) => {
  // The SDK leaves the calls of a program whose engine was stopped or killed to nobody; the run itself reports it.
  if (isCallToEngine(error)) link.log('warn', 'a call to the engine was cut off', { code: error.code });
  else fatal(error);
});

const operationParts = (ring: KeyRing, unclean: boolean, engine = settings.engine): OperationParts => ({
  settings,
  ring,
  signal: link.interrupted,
  notes: link.notes,
  log: link.log,
  pluginAtWork: link.pluginAtWork,
  redactor,
  engine: warmEngine(engine, settings.workDir),
  engineState: { unclean },
  now: () => new Date(),
});

async function run(): Promise<TaskResult> {
  await ready();
  const ring = loadKeyRing(settings.kek);
  const signal = link.interrupted;
  try {
    switch (task.kind) {
      case 'sweep':
      case 'stray': {
        const { sweepAccount, deleteStray } = await import('./account.ts');
        const { auditUse } = link.notes;
        return task.kind === 'sweep'
          ? await sweepAccount({ settings, ring, signal, auditUse }, task)
          : await deleteStray({ settings, ring, signal, auditUse }, task);
      }
      case 'verify':
      case 'catalogue': {
        const { verify, refreshCatalogue } = await import('./verify.ts');
        const verifying = { settings, ring, signal, auditUse: link.notes.auditUse };
        return task.kind === 'verify'
          ? await verify(verifying, task)
          : await refreshCatalogue(verifying, task);
      }
      case 'deploy': {
        const parts = operationParts(ring, task.unclean);
        const { deploy } = await import('./deploy.ts');
        return { kind: 'operation', result: await deploy(parts, task) };
      }
      case 'destroy': {
        const parts = operationParts(ring, task.unclean);
        const { destroy } = await import('./destroy.ts');
        return { kind: 'operation', result: await destroy(parts, task) };
      }
      case 'power': {
        const parts = operationParts(ring, task.unclean, null);
        const { power } = await import('./power.ts');
        return { kind: 'operation', result: await power(parts, task) };
      }
      case 'resize': {
        const parts = operationParts(ring, task.unclean);
        const { resize } = await import('./resize.ts');
        return { kind: 'operation', result: await resize(parts, task) };
      }
      case 'check': {
        const parts = operationParts(ring, task.unclean);
        const { check } = await import('./check.ts');
        return { kind: 'operation', result: await check(parts, task) };
      }
      case 'repair': {
        const parts = operationParts(ring, task.unclean);
        const { repair } = await import('./repair.ts');
        return { kind: 'operation', result: await repair(parts, task) };
      }
    }
  } catch (error) {
    if (signal.aborted) return { kind: 'interrupted' };
    if (isOperation(task) && isRateLimited(error))
      return { kind: 'postponed', until: error.options.again ?? null, failure: toFailure(error) };
    throw error;
  } finally {
    ring.wipe();
  }
}

try {
  await link.finish(await run());
  process.exit(0);
} catch (error) {
  fatal(error);
}
