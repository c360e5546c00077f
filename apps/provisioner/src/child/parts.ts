import { cloudLabelKey, cloudName, cloudTag, ProductError, toFailure } from '@claw-cloud/contracts';
import type { KeyRing } from '@claw-cloud/crypto/kek';
import { type OpenCredential, type Provider, provider } from '@claw-cloud/providers';
import { type Stack, type StackAccess, stackFor } from '@claw-cloud/stacks';
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
  readonly redactor: Redactor;
  readonly engine: WarmEngine;
  /** Whether locks and half-made things of a killed engine may be there; the next run of the engine clears them. */
  readonly engineState: { unclean: boolean };
  readonly now: () => Date;
  /** Aborted when the operation must come to an end in order. */
  readonly signal: AbortSignal;
}

export type OperationTask = Extract<Task, { kind: 'deploy' | 'destroy' }>;

/** The names and places of one instance's machine. */
export function machineOf(task: OperationTask) {
  const { instance } = task.lease;
  return {
    instanceId: instance.id,
    name: cloudName(instance.id),
    tag: cloudTag(instance.id),
    labels: { [cloudLabelKey]: cloudTag(instance.id) },
    region: instance.region,
    size: instance.size,
  };
}

/** The cloud of the operation's credential, at the address the settings name. */
export function cloudOf(parts: OperationParts, task: OperationTask): Provider {
  const { endpoint } = parts.settings;
  return provider(task.lease.credential.provider, {
    ...(endpoint === null ? {} : { endpoint }),
    signal: parts.signal,
  });
}

/** How the engine reaches the cloud; from here on the redactor knows the token. */
export function accessOf(parts: OperationParts, credential: OpenCredential): StackAccess {
  return credential.use(({ token }) => {
    parts.redactor.add(token);
    return { token, endpoint: parts.settings.endpoint ?? undefined };
  });
}

/** The Pulumi program of the operation's cloud. */
export const stackOf = (task: OperationTask): Promise<Stack> => stackFor(task.lease.credential.provider);

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
