import { jobIds } from '@claw-cloud/contracts';
import type { JobQueue } from '@claw-cloud/queue';
import type { OperationDeps } from '../operations/run-operation.ts';

const staleCatalogueMs = 3_600_000;

/**
 * Puts back into the queue what should be there, fails what never called home, and renews old catalogues one by one.
 * May run anywhere and twice: job ids are made of what they are about.
 */
export async function sweep(
  deps: Pick<OperationDeps, 'db' | 'log' | 'stopping'>,
  queue: Pick<JobQueue, 'add'>,
  bootTimeoutMs: number,
  refreshCatalogue: (credentialId: string) => Promise<void>,
): Promise<void> {
  const db = deps.db.provisioner;
  const { credentials, operations } = await db.pendingWork();
  for (const credentialId of credentials)
    await queue.add('credential.verify', { credentialId }, { jobId: jobIds.verify(credentialId) });
  for (const { id, epoch } of operations)
    await queue.add('operation.run', { operationId: id }, { jobId: jobIds.run(id, epoch) });
  const expired = await db.expireBoots(bootTimeoutMs);
  for (const instance of expired) deps.log('warn', 'instance never called home', { instance });
  for (const credentialId of await db.staleCatalogues(staleCatalogueMs)) {
    if (deps.stopping.aborted) return;
    await refreshCatalogue(credentialId);
  }
}
