import { setTimeout as delay } from 'node:timers/promises';
import { blockedBy, ProductError } from '@claw-cloud/contracts';
import type { OperationResult } from '@claw-cloud/db';
import type { CloudResource, Offer, OpenCredential, Provider } from '@claw-cloud/providers';
import { adoptionOf } from './adopt.ts';
import { clearCloud } from './clear-cloud.ts';
import {
  destroyStack,
  type EngineWork,
  forgetStack,
  isDeadEngine,
  isLateEngine,
  upStack,
} from './engine-run.ts';
import { serverAmong } from './on-server.ts';
import { openCredential } from './open-credential.ts';
import {
  cloudOf,
  failureOf,
  isLost,
  machineOf,
  mustPass,
  type OperationParts,
  redactSecret,
  stackOf,
} from './parts.ts';
import type { Task } from './protocol.ts';
import { createLedger, heardBy, type Ledger } from './receipt.ts';
import { createStackKey } from './stack-key.ts';
import { freshUserData } from './user-data.ts';

type DeployTask = Extract<Task, { kind: 'deploy' }>;

const maxUps = 3;
const longestStartMs = 120_000;
const runningPollMs = 500;

/** After these the cloud may have done what it didn't confirm: look again before giving up. */
const ambiguousCodes = [
  'cloud_unavailable',
  'cloud_maintenance',
  'cloud_refused',
  'cloud_rate_limited',
  'cloud_unexpected',
  'resource_locked',
  'engine_failed',
];

const idOf = (found: readonly CloudResource[], kind: CloudResource['kind']): string | undefined =>
  found.find((resource) => resource.kind === kind)?.id;

/**
 * Makes the instance's machine, or takes over what an interrupted attempt made. A failure clears what was made and
 * names its cause. Raises when it was interrupted: then everything is left for the next child.
 */
export async function deploy(worker: OperationParts, task: DeployTask): Promise<OperationResult> {
  const ledger = createLedger();
  const parts: OperationParts = { ...worker, notes: heardBy(ledger, worker) };
  const { notes, signal } = parts;
  const credential = openCredential(parts.ring, task.lease.credential);
  const key = createStackKey(parts, task);
  let phase = 'preflight';
  const enter = async (state: 'preflight' | 'creating' | 'booting') => {
    signal.throwIfAborted();
    phase = state;
    await notes.setState(state);
  };
  try {
    redactSecret(parts, credential);
    const cloud = await cloudOf(parts, task);
    try {
      await notes.auditUse('deploy');
      await enter('preflight');
      const machine = machineOf(task);
      const found = await cloud.findByTag(credential, machine.tag);
      const offer = await checkedOffer(parts, task, cloud, credential, idOf(found, 'server') !== undefined);
      await enter('creating');
      const server = await create(parts, task, { cloud, credential, key }, offer, found);
      await requireRunning(parts, task, cloud, credential, server);
      await noteUntold(parts, ledger, await cloud.findByTag(credential, machine.tag));
      await notes.eraseEnrolment();
      await enter('booting');
      return {
        state: 'succeeded',
        failure: null,
        receipt: null,
        instanceState: 'booting',
        consoleUrl: cloud.consoleUrl(server, machine.region),
        ...(offer === null ? {} : { monthlyPrice: offer.monthlyPrice, currency: offer.currency }),
      };
    } catch (error) {
      if (mustPass(parts, error)) throw error;
      return await failed(parts, task, { cloud, credential, key }, phase, error);
    }
  } finally {
    credential.wipe();
    key.wipe();
  }
}

/**
 * What stands and nobody has told of: what the cloud made along with the server, and what an attempt had made whose
 * worker died before it could say so. The receipt must know of it.
 */
async function noteUntold(
  { notes }: OperationParts,
  ledger: Ledger,
  found: readonly CloudResource[],
): Promise<void> {
  const told = ledger.open();
  for (const { kind, name, id } of found)
    if (!told.some((entry) => entry.kind === kind && entry.id === id))
      await notes.appendEvent('resource', { op: 'create', kind, name, status: 'finished', id });
}

async function checkedOffer(
  { notes }: OperationParts,
  task: DeployTask,
  cloud: Provider,
  credential: OpenCredential,
  exists: boolean,
): Promise<Offer | null> {
  const { instance, expectedMonthlyPrice } = task.lease;
  const { blockers, warnings, offer } = await cloud.preflight(credential, {
    region: instance.region,
    size: instance.size,
    expectedMonthlyPrice,
  });
  const [blocker, ...others] = blockers.filter(
    ({ code }) => !exists || code === 'credential_rejected' || code === 'credential_powerless',
  );
  if (blocker) throw blockedBy(blocker, others);
  const step = exists ? 'adopt' : 'checked';
  const message = exists
    ? 'An earlier attempt made the server already; it is taken over.'
    : (warnings[0] ?? 'Account, region, size, stock and price are as expected.');
  await notes.appendEvent('progress', { phase: 'preflight', step, message });
  return offer;
}

/** Runs the engine until the server stands. What turns up under the tag in between is adopted. Returns its id. */
async function create(
  parts: OperationParts,
  task: DeployTask,
  work: EngineWork,
  offer: Offer | null,
  found: readonly CloudResource[],
): Promise<string> {
  const { cloud, credential } = work;
  const machine = machineOf(task);
  const stack = await stackOf(task);
  await work.key.ensure();
  // A server that stands has its user-data; the token in it stays the one that counts.
  const userData = idOf(found, 'server') === undefined ? await freshUserData(parts, task) : '#cloud-config\n';
  let known = found;
  for (let attempt = 1; ; attempt += 1) {
    const input = {
      ...machine,
      image: offer?.image ?? cloud.image,
      userData,
      adopt: adoptionOf(known, serverAmong(known, machine.name)),
    };
    try {
      return await upStack(parts, task, work, (access) => stack.program(input, access));
    } catch (error) {
      if (!(error instanceof ProductError) || !ambiguousCodes.includes(error.code)) throw error;
      if (isLateEngine(error)) throw error;
      const now = await cloud.findByTag(credential, machine.tag);
      const news = now.filter(
        (entry) => !known.some((before) => before.kind === entry.kind && before.id === entry.id),
      );
      const died = isDeadEngine(error);
      if ((news.length === 0 && !died) || attempt === maxUps) throw error;
      await parts.notes.appendEvent('progress', {
        phase: 'creating',
        step: 'adopt',
        message: died
          ? 'The engine stopped in the middle; it goes on from where it was.'
          : 'The cloud reported an error, yet made what was asked; it is taken over.',
      });
      known = now;
    }
  }
}

/** The engine calls a server made whose start failed: only the cloud knows. Raises `cloud_unexpected`. */
async function requireRunning(
  { signal, now, settings }: OperationParts,
  task: DeployTask,
  cloud: Provider,
  credential: OpenCredential,
  serverId: string,
): Promise<void> {
  // What an engine's run may take is long enough for the cloud to start what that run made.
  const end = now().getTime() + Math.min(longestStartMs, settings.engineTimeoutMs);
  let switchedOn = false;
  for (;;) {
    const { region } = task.lease.instance;
    const server = await cloud.serverState(credential, serverId, region);
    const status = server?.status ?? null;
    if (server?.power === 'running') return;
    if (server?.power === 'stopped' && !switchedOn) {
      switchedOn = true;
      await cloud.power(credential, serverId, region, 'on');
      continue;
    }
    if (status === null || now().getTime() > end) {
      throw new ProductError(
        'cloud_unexpected',
        status === null
          ? 'The server disappeared right after it was made.'
          : `The server was made but does not run: the cloud calls it "${status}".`,
        'Deploy again. If it happens again, choose another region.',
      );
    }
    await delay(runningPollMs, undefined, { signal });
  }
}

/** Clears what the attempt made, so that nothing bills for a deploy that failed. */
async function failed(
  parts: OperationParts,
  task: DeployTask,
  work: EngineWork,
  phase: string,
  cause: unknown,
): Promise<OperationResult> {
  const failure = (mayExist: boolean): OperationResult => ({
    state: 'failed',
    failure: failureOf(parts, cause, phase, mayExist),
    receipt: null,
    instanceState: 'failed',
  });
  // A credential that is refused can't clear anything, and made nothing either unless an earlier attempt did.
  try {
    if (phase !== 'preflight') {
      const message = 'The deploy failed; what was made so far is deleted again.';
      await parts.notes.appendEvent('progress', { phase, step: 'clean-up', message });
      await destroyStack(parts, task, work).catch((error: unknown) => {
        // What the engine can't delete, the listing finds.
        if (parts.signal.aborted || isLost(error)) throw error;
      });
    }
    const { left } = await clearCloud({
      provider: work.cloud,
      credential: work.credential,
      region: task.lease.instance.region,
      tag: machineOf(task).tag,
      ledger: createLedger(),
      notes: parts.notes,
      now: parts.now,
      signal: parts.signal,
      emptyListings: phase === 'preflight' ? 1 : 2,
    });
    if (left.length > 0) return failure(true);
    await forgetStack(parts, task, work.key).catch((error: unknown) => {
      if (parts.signal.aborted || isLost(error)) throw error;
    });
    return failure(false);
  } catch (error) {
    if (parts.signal.aborted || isLost(error)) throw error;
    parts.log('warn', 'the clean-up could not finish', {
      code: error instanceof ProductError ? error.code : 'internal',
    });
    const refused = error instanceof ProductError && error.code === 'credential_rejected';
    return failure(!(phase === 'preflight' && refused && !task.unclean));
  }
}
