import { jobIds } from '@claw-cloud/contracts';
import { advanceRollouts } from '@claw-cloud/core/rollout';
import type { JobQueue } from '@claw-cloud/queue';
import { errorFields } from '../log.ts';
import type { OperationDeps } from '../operations/run-operation.ts';

const staleCatalogueMs = 3_600_000;

/**
 * Puts back into the queue what should be there, tries again what is due, fails what never called home, takes rollouts
 * of releases further or halts them, renews old catalogues, and looks through owners' accounts.
 */
export function createSweep(
  deps: Pick<OperationDeps, 'db' | 'log' | 'stopping'>,
  queue: Pick<JobQueue, 'add'>,
  bootTimeoutMs: number,
  refreshCatalogue: (credentialId: string) => Promise<void>,
  lookThroughAccounts: () => Promise<void>,
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

  async function rollouts(): Promise<void> {
    for (const { version, ...step } of await advanceRollouts({ db: deps.db, now: () => new Date() }))
      deps.log(step.state === 'halted' ? 'error' : 'info', 'a rollout has moved', {
        version,
        state: step.state,
        stage: step.stage,
        ...(step.reason === null ? {} : { detail: step.reason }),
      });
  }

  // May run anywhere and twice: job ids are made of what they are about.
  return async () => {
    for (const { id, operationId } of await db.retryDestroys())
      deps.log('info', 'a destroy is tried again', { instance: id, operation: operationId });
    const { credentials, operations, strays } = await db.pendingWork();
    for (const credentialId of credentials)
      await queue.add('credential.verify', { credentialId }, { jobId: jobIds.verify(credentialId) });
    for (const { id, epoch } of operations)
      await queue.add('operation.run', { operationId: id }, { jobId: jobIds.run(id, epoch) });
    for (const strayId of strays)
      await queue.add('stray.delete', { strayId }, { jobId: jobIds.deleteStray(strayId) });
    for (const instance of await db.expireBoots(bootTimeoutMs))
      deps.log('warn', 'instance never called home', { instance });
    await rollouts();
    void refreshCatalogues();
    void lookThroughAccounts();
  };
}
