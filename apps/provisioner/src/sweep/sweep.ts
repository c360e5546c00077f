import { jobIds } from '@claw-cloud/contracts';
import type { JobQueue } from '@claw-cloud/queue';
import { errorFields } from '../log.ts';
import type { OperationDeps } from '../operations/run-operation.ts';

const staleCatalogueMs = 3_600_000;

/** Puts back into the queue what should be there, fails what never called home, and renews old catalogues. */
export function createSweep(
  deps: Pick<OperationDeps, 'db' | 'log' | 'stopping'>,
  queue: Pick<JobQueue, 'add'>,
  bootTimeoutMs: number,
  refreshCatalogue: (credentialId: string) => Promise<void>,
): () => Promise<void> {
  const db = deps.db.provisioner;
  let refreshing = false;

  /** One by one, beside the sweeps: a slow cloud must not keep them waiting. */
  async function refreshCatalogues(): Promise<void> {
    if (refreshing) return;
    refreshing = true;
    try {
      for (const credentialId of await db.staleCatalogues(staleCatalogueMs)) {
        if (deps.stopping.aborted) return;
        await refreshCatalogue(credentialId);
      }
    } catch (error) {
      deps.log('warn', 'catalogues not renewed', errorFields(error));
    } finally {
      refreshing = false;
    }
  }

  // May run anywhere and twice: job ids are made of what they are about.
  return async () => {
    const { credentials, operations } = await db.pendingWork();
    for (const credentialId of credentials)
      await queue.add('credential.verify', { credentialId }, { jobId: jobIds.verify(credentialId) });
    for (const { id, epoch } of operations)
      await queue.add('operation.run', { operationId: id }, { jobId: jobIds.run(id, epoch) });
    for (const instance of await db.expireBoots(bootTimeoutMs))
      deps.log('warn', 'instance never called home', { instance });
    void refreshCatalogues();
  };
}
