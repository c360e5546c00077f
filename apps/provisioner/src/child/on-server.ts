import { type InstanceState, ProductError } from '@claw-cloud/contracts';
import type { OperationResult } from '@claw-cloud/db';
import type { CloudResource, OpenCredential, Provider, ServerState } from '@claw-cloud/providers';
import { openCredential } from './open-credential.ts';
import {
  cloudOf,
  failureOf,
  machineOf,
  mustPass,
  type OperationParts,
  type OperationTask,
  redactSecret,
} from './parts.ts';
import { createStackKey, type StackKey } from './stack-key.ts';

/** What an operation on a server that stays works with. */
export interface ServerWork {
  readonly cloud: Provider;
  readonly credential: OpenCredential;
  readonly key: StackKey;
  /** Everything that bears the instance's tag. */
  readonly found: readonly CloudResource[];
  /** The instance's server among it; null when it is gone. */
  readonly serverId: string | null;
}

export const serverGone = (): ProductError =>
  new ProductError(
    'server_missing',
    'The server is no longer there: somebody deleted it in the cloud.',
    'Destroy the instance, which clears what is left of it, and deploy a new one.',
  );

/** The server that the product made, should somebody have given its tag to another one too: by name, then by age. */
export function serverAmong(found: readonly CloudResource[], name: string): string | null {
  const servers = found
    .filter(({ kind }) => kind === 'server')
    .sort((a, b) => (a.createdAt ?? '').localeCompare(b.createdAt ?? ''));
  return (servers.find((server) => server.name === name) ?? servers[0])?.id ?? null;
}

/** What the instance is now, as far as the cloud can say; `before` where it can't. */
const settled = (server: ServerState | null, before: InstanceState): InstanceState =>
  server === null
    ? 'failed'
    : server.power === 'running'
      ? 'ready'
      : server.power === 'stopped'
        ? 'stopped'
        : before;

/**
 * Runs an operation on a server that stays. Where it ends is asked of the cloud, whether it succeeded or not: a failure
 * brings the instance back to what it is, and only a server that is gone makes it fail. `keepsState` leaves the state
 * as it was. Raises when the operation is interrupted, and when it must wait for the cloud.
 */
export async function onServer(
  parts: OperationParts,
  task: OperationTask,
  { purpose, keepsState = false }: { readonly purpose: string; readonly keepsState?: boolean },
  work: (server: ServerWork) => Promise<Partial<OperationResult>>,
): Promise<OperationResult> {
  const { lease } = task;
  const before = lease.stateBefore ?? 'ready';
  const credential = openCredential(parts.ring, lease.credential);
  const key = createStackKey(parts, task);
  let cloud: Provider | null = null;
  let found: readonly CloudResource[] = [];
  const machine = machineOf(task);

  /** The state, and the size where it is no longer the one we know. */
  async function asItIs(): Promise<Pick<OperationResult, 'instanceState' | 'size'>> {
    if (keepsState || cloud === null) return { instanceState: before };
    const serverId = serverAmong(await cloud.findByTag(credential, machine.tag), machine.name);
    const server = serverId ? await cloud.serverState(credential, serverId, machine.region) : null;
    return {
      instanceState: settled(server, before),
      ...(server === null || server.size === machine.size ? {} : { size: server.size }),
    };
  }

  try {
    redactSecret(parts, credential);
    cloud = await cloudOf(parts, task);
    await parts.notes.auditUse(purpose);
    found = await cloud.findByTag(credential, machine.tag);
    const serverId = serverAmong(found, machine.name);
    const more = await work({ cloud, credential, key, found, serverId });
    return { state: 'succeeded', failure: null, receipt: null, ...(await asItIs()), ...more };
  } catch (error) {
    if (mustPass(parts, error)) throw error;
    const now = await asItIs().catch((unknown: unknown) => {
      if (mustPass(parts, unknown)) throw unknown;
      return { instanceState: before };
    });
    const mayExist = now.instanceState === 'failed' && found.length > 0;
    return {
      state: 'failed',
      failure: failureOf(parts, error, purpose, mayExist),
      receipt: null,
      ...now,
    };
  } finally {
    credential.wipe();
    key.wipe();
  }
}
