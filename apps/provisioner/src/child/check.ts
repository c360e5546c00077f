import { type Drift, type DriftItem, ProductError } from '@claw-cloud/contracts';
import type { OperationResult } from '@claw-cloud/db';
import { driftOf } from './drift.ts';
import { lookAtStack } from './engine-run.ts';
import { onServer, type ServerWork } from './on-server.ts';
import { machineOf, mustPass, type OperationParts, type OperationTask, stackOf } from './parts.ts';
import type { Task } from './protocol.ts';

type CheckTask = Extract<Task, { kind: 'check' }>;

/** Looks for drift and changes nothing. With another credential than the instance's it also says whether that one fits. */
export function check(parts: OperationParts, task: CheckTask): Promise<OperationResult> {
  return onServer(parts, task, { purpose: 'check', keepsState: true }, async (server) => {
    const { newCredential, credential } = task.lease;
    if (newCredential && server.found.length === 0)
      throw new ProductError(
        'server_missing',
        'The account of this credential has nothing that bears the tag of this instance.',
        'Choose a credential of the account in which the server was made.',
      );
    if (!newCredential) return { drift: await findDrift(parts, task, server) };
    // The account has it: so this credential is the better one, whatever else the look runs into.
    const drift = await findDrift(parts, task, server).catch((error: unknown) => {
      if (mustPass(parts, error)) throw error;
      return null;
    });
    return { credentialId: credential.id, ...(drift === null ? {} : { drift }) };
  });
}

/** How the cloud differs from what was made. */
export async function findDrift(
  parts: OperationParts,
  task: OperationTask,
  server: ServerWork,
): Promise<Drift> {
  const { cloud, credential, found, serverId } = server;
  const { name, region } = machineOf(task);
  const steps = await lookAtStack(parts, task, server);
  const { notDrift } = await stackOf(task);
  const items: DriftItem[] = steps === null ? [] : driftOf(steps, notDrift);
  const state = serverId === null ? null : await cloud.serverState(credential, serverId, region);
  const gone = state === null && !items.some(({ kind, what }) => kind === 'server' && what === 'missing');
  if (gone)
    items.unshift({
      kind: 'server',
      id: serverId,
      name,
      what: 'missing',
      changes: [],
      repairable: false,
      fix: 'A server that is gone took its data along. Destroy the instance and deploy a new one.',
    });
  if (state?.power === 'stopped' && task.lease.stateBefore === 'ready')
    items.push({
      kind: 'server',
      id: serverId,
      name,
      what: 'changed',
      changes: [{ property: 'power', expected: 'running', found: state.status }],
      repairable: true,
      fix: 'A repair starts it, and so does a start.',
    });
  if (steps === null && state !== null)
    items.push({
      kind: 'state',
      id: null,
      name,
      what: 'missing',
      changes: [],
      repairable: true,
      fix: 'The engine no longer knows what it made. A repair takes over what bears the tag.',
    });
  items.push(...((await cloud.inspect?.(credential, found)) ?? []));
  const clean = (text: string | null) => (text === null ? null : parts.redactor.clean(text, 500));
  return {
    checkedAt: parts.now().toISOString(),
    items: items.slice(0, 100).map((item) => ({
      ...item,
      changes: item.changes.map((change) => ({
        ...change,
        expected: clean(change.expected),
        found: clean(change.found),
      })),
    })),
  };
}
