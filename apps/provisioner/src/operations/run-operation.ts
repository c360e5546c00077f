import { type Failure, type OperationKind, ProductError, toFailure } from '@claw-cloud/contracts';
import type { Database, Lease, OperationResult, RetryPauses } from '@claw-cloud/db';
import type {
  BootstrapFacts,
  ChildSettings,
  EngineLocation,
  Notes,
  Task,
  TaskResult,
} from '../child/protocol.ts';
import { errorFields, type Log } from '../log.ts';
import { runChild } from './child-process.ts';
import { killEngineProcesses } from './engine-processes.ts';
import { holdLease } from './lease.ts';

const maxRuns = 3;
/** Over all holders: an operation that takes its worker down with it must end some day. */
const maxAttempts = 12;
/** With the pauses that clouds ask for these are hours. */
const maxWaits = 12;
const maxResourceEvents = 5_000;
const eventPage = 500;

export interface OperationDeps {
  readonly db: Database;
  readonly log: Log;
  readonly nodeName: string;
  readonly workRoot: string;
  readonly path: string;
  readonly codeCache: string;
  readonly leaseMs: number;
  readonly operationTimeoutMs: number;
  readonly stopGraceMs: number;
  /** Aborted when this process must end. */
  readonly stopping: AbortSignal;
  /** What children of an operation on this cloud, for an owner with this external id, are told. */
  settings(provider: string, externalId: string): Promise<Omit<ChildSettings, 'workDir'>>;
  bootstrap(): Promise<BootstrapFacts>;
  /** After which pauses a destroy that failed is tried again. */
  readonly retry: RetryPauses;
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
    if (result === 'postponed') {
      log('info', 'operation waits for the cloud', fields);
    } else if (result) {
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
  await deps.db.provisioner.finishOperation(id, lease.epoch, { ...result, retry: deps.retry });
}

async function bringToEnd(
  deps: OperationDeps,
  lease: Lease,
  lost: AbortSignal,
): Promise<OperationResult | 'postponed' | null> {
  const { log } = deps;
  const { operation } = lease;
  await endEarlierEngine(deps, lease);
  if (operation.attempt > maxAttempts) return gaveUp(lease);
  let current = lease;
  const notes = notesFor(deps, lease, (change) => {
    current = { ...current, ...change };
  });
  for (let run = 1; run <= maxRuns; run += 1) {
    const unclean = run > 1 || lease.engineProcess !== null || lease.epoch > 1;
    const settings = await deps.settings(lease.credential.provider, lease.credential.externalId);
    const { engine } = settings;
    const end = await runChild({
      id: operation.id,
      task: await taskOf(deps, current, unclean),
      settings,
      workRoot: deps.workRoot,
      path: deps.path,
      codeCache: deps.codeCache,
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
    log('info', 'the child ended', {
      operation: operation.id,
      peakMb: end.memory?.peakMb ?? null,
      memoryMb: end.memory?.byProcess ?? null,
      engine: servedBy(engine, end.plugins),
    });
    if (lost.aborted) return null;
    if (end.kind === 'result' && end.result.kind === 'operation') return end.result.result;
    if (end.kind === 'result' && end.result.kind === 'postponed')
      return (await postpone(deps, lease, end.result)) ? 'postponed' : gaveUp(lease, end.result.failure);
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

/** Which pieces of the engine were at work, and where they come from: `cli 3.259.0 built, hcloud 1.41.0 built`. */
function servedBy(engine: EngineLocation | null, plugins: readonly string[]): string | null {
  if (engine === null || plugins.length === 0) return null;
  return ['cli', ...plugins].map((name) => `${name} ${engine.pieces?.[name] ?? 'unknown'}`).join(', ');
}

/** Lets go of the operation until the cloud answers again; false when it has waited too often. */
async function postpone(
  { db: { provisioner } }: OperationDeps,
  { operation, epoch }: Lease,
  { until, failure }: Extract<TaskResult, { kind: 'postponed' }>,
): Promise<boolean> {
  const at = until === null ? null : new Date(until);
  const when = at === null ? 'by itself' : `by itself at ${at.toISOString().slice(11, 16)} UTC`;
  return provisioner.postponeOperation(
    operation.id,
    epoch,
    at,
    `${failure.message} It goes on ${when}.`,
    maxWaits,
  );
}

const whileDoing: Readonly<Record<OperationKind, string>> = {
  deploy: 'the server was made',
  destroy: 'the server was deleted',
  start: 'the server was started',
  stop: 'the server was stopped',
  reboot: 'the server was rebooted',
  resize: 'the size was changed',
  check: 'the cloud was looked at',
  repair: 'the server was repaired',
};

/** The end of what can't be brought to one: a server that stays is what it was, as far as anybody knows. */
function gaveUp(lease: Lease, known: Failure | null = null): OperationResult {
  const { kind } = lease.operation;
  const error = new ProductError(
    'engine_failed',
    `The engine stopped again and again while ${whileDoing[kind]}.`,
    kind === 'destroy'
      ? 'It is tried again by itself; or delete the server in the console of the cloud.'
      : kind === 'deploy'
        ? 'What was made is deleted by itself after a while. Then deploy again.'
        : 'Try again. If it stays so, look at the server in the console of the cloud.',
  );
  const makesOrDeletes = kind === 'deploy' || kind === 'destroy';
  const phase = { deploy: 'creating', destroy: 'destroying' }[kind as string] ?? kind;
  const failure = known ?? toFailure(error, phase);
  return {
    state: 'failed',
    failure: { ...failure, phase, resourceMayExist: makesOrDeletes },
    receipt: null,
    instanceState: makesOrDeletes ? 'failed' : (lease.stateBefore ?? 'ready'),
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
  const { kind } = lease.operation;
  switch (kind) {
    case 'deploy':
      return { kind, lease, unclean, bootstrap: await deps.bootstrap() };
    case 'destroy':
      return { kind, lease, unclean, resourceEvents: await resourceEvents(deps, lease) };
    case 'start':
    case 'stop':
    case 'reboot':
      return { kind: 'power', wish: kind, lease, unclean };
    case 'resize':
    case 'check':
    case 'repair':
      return { kind, lease, unclean };
  }
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
