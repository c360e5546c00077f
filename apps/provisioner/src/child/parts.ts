import {
  cloudLabelKey,
  cloudName,
  cloudTag,
  ProductError,
  type ProviderId,
  toFailure,
} from '@claw-cloud/contracts';
import type { KeyRing } from '@claw-cloud/crypto/kek';
import { cloudFolder, type OpenCredential, type Provider, provider } from '@claw-cloud/providers';
import { type Stack, type StackAccess, stackIn } from '@claw-cloud/stacks';
import type { Log } from '../log.ts';
import type { WarmEngine } from './engine.ts';
import type { ChildSettings, Notes, Task } from './protocol.ts';
import type { Redactor } from './redactor.ts';

/** What an operation works with, made once per child. */
export interface OperationParts {
  readonly settings: ChildSettings;
  readonly ring: KeyRing;
  readonly notes: Notes;
  readonly log: Log;
  readonly pluginAtWork: (name: string) => void;
  readonly redactor: Redactor;
  readonly engine: WarmEngine;
  /** Whether locks and half-made things of a killed engine may be there; the next run of the engine clears them. */
  readonly engineState: { unclean: boolean };
  readonly now: () => Date;
  /** Aborted when the operation must come to an end in order. */
  readonly signal: AbortSignal;
}

/** A task that belongs to an operation on an instance. */
export type OperationTask = Extract<Task, { lease: unknown }>;

export const isOperation = (task: Task): task is OperationTask => 'lease' in task;

/** The names and places of one instance's machine. */
export function machineOf(task: OperationTask) {
  const { instance } = task.lease;
  return {
    instanceId: instance.id,
    name: cloudName(instance.id),
    tag: cloudTag(instance.id),
    labelKey: cloudLabelKey,
    region: instance.region,
    size: instance.size,
  };
}

/** A cloud as this child may reach it, at the address the settings name. */
export function openCloud(
  settings: ChildSettings,
  id: ProviderId,
  signal: AbortSignal,
  sessionName?: string,
): Promise<Provider> {
  const { endpoint, externalId, platform, egressAddresses } = settings;
  return provider(id, {
    ...(endpoint === null ? {} : { endpoint }),
    externalId,
    ...(platform === null ? {} : { platform }),
    egressAddresses,
    signal,
    ...(sessionName === undefined ? {} : { sessionName }),
  });
}

/** The cloud of the operation's credential. */
export const cloudOf = (parts: OperationParts, task: OperationTask): Promise<Provider> =>
  openCloud(parts.settings, task.lease.credential.provider, parts.signal, cloudName(task.lease.instance.id));

/** From here on no text shows what the owner typed. */
export function redactSecret(parts: OperationParts, credential: OpenCredential): void {
  credential.use((secret) => {
    // Which cloud and which way of access it is are words of every text.
    for (const [name, value] of Object.entries(secret))
      if (name !== 'provider' && name !== 'method') parts.redactor.add(value);
  });
}

/** How the engine reaches the cloud; from here on the redactor knows what it signs in with. */
export async function accessOf(
  parts: OperationParts,
  task: OperationTask,
  cloud: Provider,
  credential: OpenCredential,
): Promise<StackAccess> {
  const access = await cloud.engineAccess(credential);
  for (const value of Object.values(access)) parts.redactor.add(value);
  return {
    credential: access,
    endpoint: parts.settings.endpoint ?? undefined,
    region: task.lease.instance.region,
  };
}

/** The Pulumi program of the operation's cloud. */
export const stackOf = (task: OperationTask): Promise<Stack> =>
  stackIn(cloudFolder(task.lease.credential.provider) ?? '');

/** Whether the cloud answers no more for a while: then the work waits in the queue, and nothing is given up. */
export const isRateLimited = (error: unknown): error is ProductError =>
  error instanceof ProductError && error.code === 'cloud_rate_limited';

/** Whether an error is none of the operation's own: it ends without a result, and is taken up again. */
export const mustPass = (parts: OperationParts, error: unknown): boolean =>
  parts.signal.aborted || isLost(error) || isRateLimited(error);

/** Whether somebody else has taken the operation over: then nothing may be touched any more. */
export const isLost = (error: unknown): boolean =>
  error instanceof ProductError && error.code === 'lease_lost';

/** A failure for the owner, without a trace of a secret even where a text came from elsewhere. */
export function failureOf(parts: OperationParts, error: unknown, phase: string, resourceMayExist: boolean) {
  const failure = toFailure(error, phase, resourceMayExist);
  if (failure.code === 'internal') {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    parts.log('error', 'the operation failed unexpectedly', { text: parts.redactor.clean(text) });
  }
  return {
    ...failure,
    resourceMayExist,
    message: parts.redactor.clean(failure.message),
    fix: parts.redactor.clean(failure.fix),
  };
}
