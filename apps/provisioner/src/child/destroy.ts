import { ProductError } from '@claw-cloud/contracts';
import type { OperationResult } from '@claw-cloud/db';
import type { OpenCredential, Provider } from '@claw-cloud/providers';
import { type Cleared, clearCloud } from './clear-cloud.ts';
import { costOf } from './cost.ts';
import { destroyStack, forgetStack } from './engine-run.ts';
import { openCredential } from './open-credential.ts';
import { cloudOf, failureOf, machineOf, mustPass, type OperationParts, redactSecret } from './parts.ts';
import type { Task } from './protocol.ts';
import { createLedger, heardBy, type Ledger } from './receipt.ts';
import { createStackKey, type StackKey } from './stack-key.ts';

type DestroyTask = Extract<Task, { kind: 'destroy' }>;

/**
 * Deletes everything of the instance in the owner's cloud and writes the receipt. Works without a stack, after a
 * half-failed create and with another credential than the one that deployed. Raises when it was interrupted.
 */
export async function destroy(parts: OperationParts, task: DestroyTask): Promise<OperationResult> {
  const ledger = createLedger();
  for (const event of task.resourceEvents) ledger.hear(event);
  const credential = openCredential(parts.ring, task.lease.credential);
  const key = createStackKey(parts, task);
  try {
    redactSecret(parts, credential);
    const cloud = await cloudOf(parts, task);
    await parts.notes.auditUse('destroy');
    await parts.notes.setState('destroying');
    const hearing: OperationParts = { ...parts, notes: heardBy(ledger, parts) };
    const { left, listedAt, cause } = await clear(hearing, task, cloud, credential, key, ledger);
    const listed = ledger.receipt(task.lease.instance.id, left, listedAt);
    const { monthlyPrice, currency } = task.lease.instance;
    const prices = { monthly: monthlyPrice, hourly: task.lease.hourlyPrice, currency };
    const receipt = { ...listed, cost: costOf(listed, prices) };
    if (left.length === 0) {
      await forgetStack(parts, task, key);
      return { state: 'succeeded', failure: null, receipt, instanceState: 'destroyed' };
    }
    const what = left.map((entry) => `${entry.kind.replace('_', ' ')} ${entry.name}`).join(', ');
    const error = new ProductError(
      'destroy_incomplete',
      `The cloud still has: ${what}.${cause ? ` ${cause.message}` : ''}`,
      cause?.fix ?? 'Destroy again, or delete it in the cloud’s console.',
      cause?.options.link === undefined ? {} : { link: cause.options.link },
    );
    return ended(parts, error, receipt);
  } catch (error) {
    if (mustPass(parts, error)) throw error;
    return ended(parts, error, null);
  } finally {
    credential.wipe();
    key.wipe();
  }
}

function ended(parts: OperationParts, error: unknown, receipt: OperationResult['receipt']): OperationResult {
  return {
    state: 'failed',
    failure: failureOf(parts, error, 'destroying', true),
    receipt,
    instanceState: 'failed',
  };
}

async function clear(
  parts: OperationParts,
  task: DestroyTask,
  cloud: Provider,
  credential: OpenCredential,
  key: StackKey,
  ledger: Ledger,
): Promise<Cleared> {
  const { notes, now, signal } = parts;
  const { tag, region } = machineOf(task);
  const say = (step: string, message: string) =>
    notes.appendEvent('progress', { phase: 'destroying', step, message });
  ledger.found(await cloud.findByTag(credential, tag));
  await say('engine', 'The engine deletes what it made.');
  try {
    await destroyStack(parts, task, { cloud, credential, key });
  } catch (error) {
    if (mustPass(parts, error) || isRefused(error)) throw error;
    // Not the end: what the engine can't delete, the listing finds.
    await say('engine', 'The engine could not finish; the rest is deleted one by one.');
  }
  await say('listing', 'The cloud is searched by tag until nothing is left.');
  return clearCloud({
    provider: cloud,
    credential,
    region,
    tag,
    ledger,
    notes,
    now,
    signal,
    emptyListings: task.unclean ? 2 : 1,
  });
}

const isRefused = (error: unknown): boolean =>
  error instanceof ProductError &&
  (error.code === 'credential_rejected' || error.code === 'credential_powerless');
