import { ProductError, toFailure } from '@claw-cloud/contracts';
import { errorFields } from '../log.ts';
import { runCredentialChild } from '../operations/credential-child.ts';
import type { OperationDeps } from '../operations/run-operation.ts';

/** Accounts looked through in one go; the rest comes with the next sweep. */
const accountsAtOnce = 5;
/** Longer than the child that deletes may take. */
const strayClaimMs = 180_000;

/** Looks through owners' accounts for what no living instance owns, and deletes of it what its owner asked for. */
export function createAccountSweep(deps: OperationDeps, everyMs: number) {
  const db = deps.db.provisioner;
  let looking = false;

  async function look(credentialId: string): Promise<void> {
    const credential = await db.credentialEnvelope(credentialId);
    if (!credential) return;
    const end = await runCredentialChild(deps, { kind: 'sweep', credential }, `${credentialId}-sweep`);
    if (end.kind !== 'result' || end.result.kind !== 'tagged') {
      deps.log('warn', 'account not looked through', { credential: credentialId });
      return;
    }
    const strays = await db.recordTagged(credentialId, end.result.found);
    deps.log('info', 'account looked through', { credential: credentialId, strays });
  }

  return {
    /** One by one, beside the other sweeps: a slow cloud must not keep them waiting. */
    async lookThroughDue(): Promise<void> {
      if (looking) return;
      looking = true;
      try {
        for (const credentialId of await db.claimSweeps(everyMs, accountsAtOnce)) {
          if (deps.stopping.aborted) return;
          await look(credentialId);
        }
      } catch (error) {
        deps.log('warn', 'accounts not looked through', errorFields(error));
      } finally {
        looking = false;
      }
    },

    /** Deletes a stray whose deletion was asked for, if a record binds it still. */
    async deleteStray(strayId: string): Promise<void> {
      const stray = await db.claimStray(strayId, strayClaimMs);
      if (!stray) return;
      const credential = await db.credentialEnvelope(stray.credentialId);
      if (!credential) return;
      const end = await runCredentialChild(deps, { kind: 'stray', credential, stray }, strayId);
      if (deps.stopping.aborted) return;
      const failure =
        end.kind === 'result' && end.result.kind === 'stray'
          ? end.result.failure
          : toFailure(
              new ProductError('internal', 'It could not be deleted.', 'Try again in a few minutes.'),
              'stray',
              true,
            );
      await db.finishStray(strayId, failure);
      deps.log('info', 'stray dealt with', { stray: strayId, code: failure?.code ?? null });
    },
  };
}
