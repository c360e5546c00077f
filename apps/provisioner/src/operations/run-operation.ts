import { ProductError, toFailure } from '@claw-cloud/contracts';
import type { Database, Lease, OperationResult } from '@claw-cloud/db';
import type { BootstrapFacts, ChildSettings, Notes, Task } from '../child/protocol.ts';
import { errorFields, type Log } from '../log.ts';
import { runChild } from './child-process.ts';
import { killEngineProcesses } from './engine-processes.ts';
import { holdLease } from './lease.ts';

const maxRuns = 3;
/** Over all holders: an operation that takes its worker down with it must end some day. */
const maxAttempts = 12;
const maxResourceEvents = 5_000;
const eventPage = 500;

export interface OperationDeps {
  readonly db: Database;
  readonly log: Log;
  readonly nodeName: string;
  readonly workRoot: string;
  readonly path: string;
  readonly leaseMs: number;
  readonly operationTimeoutMs: number;
  readonly stopGraceMs: number;
  /** Aborted when this process must end. */
  readonly stopping: AbortSignal;
  /** What children of an operation on this cloud are told. */
  settings(provider: string): Promise<Omit<ChildSettings, 'workDir'>>;
  bootstrap(): Promise<BootstrapFacts>;
}

/**
 * Takes an operation up, or over, and brings it to its end: one child after the other until one reports a result, at
 * most three. Returns without a word when somebody else holds it, or when this process must end.
 */
export async function runOperation(deps: OperationDeps, operationId: string): Promise<void> {
  if (deps.stopping.aborted) return;
  const { log } = deps;
  const db = deps.db.provisioner;
  const lease = await db.acquireLease(operationId, `${deps.nodeName}/${process.pid}`, deps.leaseMs);
  if (!lease) return;
  const held = holdLease(db, operationId, lease.epoch, deps.leaseMs);
  const fields = { operation: operationId, instance: lease.instance.id, kind: lease.operation.kind };
  log('info', 'operation taken up', { ...fields, epoch: lease.epoch, attempt: lease.operation.attempt });
  try {
    const result = await bringToEnd(deps, lease, held.lost);
    if (result) {
      await finish(deps, lease, result);
      log('info', 'operation ended', { ...fields, state: result.state, code: result.failure?.code ?? null });
    } else if (!held.lost.aborted) {
      await db.releaseLease(operationId, lease.epoch);
      log('info', 'operation left for another worker', fields);
    }
  } catch (error) {
    log('error', 'operation interrupted by an error; it will be taken up again', {
      ...fields,
      ...errorFields(error),
    });
    throw error;
  } finally {
    await held.stop();
  }
}

async function finish(deps: OperationDeps, lease: Lease, result: OperationResult): Promise<void> {
  const { id } = lease.operation;
  await deps.db.provisioner.recordEngineProcess(id, lease.epoch, null);
  await deps.db.provisioner.finishOperation(id, lease.epoch, result);
}

async function bringToEnd(
  deps: OperationDeps,
  lease: Lease,
  lost: AbortSignal,
): Promise<OperationResult | null> {
  const { log } = deps;
  const { operation } = lease;
  await endEarlierEngine(deps, lease);
  if (operation.attempt > maxAttempts) return gaveUp(lease);
  let current = lease;
  const notes = notesFor(deps, lease, (change) => {
    current = { ...current, ...change };
  });
  for (let run = 1; run <= maxRuns; run += 1) {
    const unclean = run > 1 || lease.engineProcess !== null || operation.attempt > 1;
    const end = await runChild({
      id: operation.id,
      task: await taskOf(deps, current, unclean),
      settings: await deps.settings(lease.credential.provider),
      workRoot: deps.workRoot,
      path: deps.path,
      notes,
      log: (level, message, more) => log(level, message, { operation: operation.id, ...more }),
      onStart: (process) =>
        deps.db.provisioner.recordEngineProcess(operation.id, lease.epoch, {
          host: deps.nodeName,
          ...process,
        }),
      interrupt: deps.stopping,
      graceMs: deps.stopGraceMs,
      kill: lost,
      timeoutMs: deps.operationTimeoutMs,
    });
    if (lost.aborted) return null;
    if (end.kind === 'result' && end.result.kind === 'operation') return end.result.result;
    if (deps.stopping.aborted) return null;
    const reason = end.kind === 'died' ? end.reason : end.result.kind;
    log('warn', 'the engine ended without a result', { operation: operation.id, run, reason });
    const message =
      run < maxRuns
        ? `The engine stopped in the middle; it goes on from where it was (${run + 1} of ${maxRuns}).`
        : 'The engine stopped in the middle once more.';
    await notes.appendEvent('progress', { phase: lease.instance.state, step: 'retry', message });
  }
  return gaveUp(lease);
}

function gaveUp(lease: Lease): OperationResult {
  const isDestroy = lease.operation.kind === 'destroy';
  const error = new ProductError(
    'engine_failed',
    `The engine stopped again and again ${isDestroy ? 'while the server was deleted' : 'while the server was made'}.`,
    isDestroy
      ? 'Destroy again, or delete the server in the console of the cloud.'
      : 'Destroy the instance, then deploy again.',
  );
  return {
    state: 'failed',
    failure: toFailure(error, isDestroy ? 'destroying' : 'creating', true),
    receipt: null,
    instanceState: 'failed',
  };
}

/** What an earlier holder left running here must be gone before anything is started in its place. */
async function endEarlierEngine({ nodeName, log }: OperationDeps, lease: Lease): Promise<void> {
  const earlier = lease.engineProcess;
  const leader = earlier?.host === nodeName ? { pid: earlier.pid, startedAt: earlier.startedAt } : null;
  const killed = await killEngineProcesses(lease.operation.id, leader);
  if (killed > 0)
    log('warn', 'ended what an earlier worker had left running', { operation: lease.operation.id, killed });
}

async function taskOf(deps: OperationDeps, lease: Lease, unclean: boolean): Promise<Task> {
  return lease.operation.kind === 'deploy'
    ? { kind: 'deploy', lease, unclean, bootstrap: await deps.bootstrap() }
    : { kind: 'destroy', lease, unclean, resourceEvents: await resourceEvents(deps, lease) };
}

async function resourceEvents(deps: OperationDeps, lease: Lease) {
  const owner = deps.db.owner(lease.credential.ownerId);
  const found = [];
  let after = 0;
  while (found.length < maxResourceEvents) {
    const page = await owner.listEvents(lease.instance.id, after, eventPage);
    found.push(...page.filter((event) => event.kind === 'resource'));
    const last = page.at(-1);
    if (!last || page.length < eventPage) break;
    after = last.seq;
  }
  return found;
}

function notesFor(
  { db: { provisioner } }: OperationDeps,
  { operation: { id }, epoch, credential }: Lease,
  changed: (change: Partial<Pick<Lease, 'stackSecret' | 'enrolment'>>) => void,
): Notes {
  return {
    setState: (state) => provisioner.setState(id, epoch, state),
    appendEvent: async (kind, data) => void (await provisioner.appendEvent(id, epoch, kind, data)),
    async storeStackSecret(envelope) {
      await provisioner.storeStackSecret(id, epoch, envelope);
      changed({ stackSecret: envelope });
    },
    storeRegistration: (tokenHash, expiresAt) =>
      provisioner.storeRegistration(id, epoch, tokenHash, expiresAt),
    async eraseEnrolment() {
      await provisioner.eraseEnrolment(id, epoch);
      changed({ enrolment: null });
    },
    auditUse: (purpose) =>
      provisioner.appendAudit({
        ownerId: credential.ownerId,
        actor: 'provisioner',
        action: 'credential.use',
        target: credential.id,
        outcome: 'succeeded',
        detail: { operation: id, purpose },
      }),
  };
}
