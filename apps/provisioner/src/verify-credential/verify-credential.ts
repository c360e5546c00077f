import { ProductError, toFailure } from '@claw-cloud/contracts';
import { runCredentialChild } from '../operations/credential-child.ts';
import type { OperationDeps } from '../operations/run-operation.ts';

const maxTries = 5;

/** Checks credentials; one at a time per credential, remembering how often a cloud failed to answer. */
export function createVerifier(deps: OperationDeps) {
  const running = new Map<string, Promise<void>>();
  const tries = new Map<string, number>();

  async function verify(credentialId: string): Promise<void> {
    const credential = await deps.db.provisioner.credentialForVerification(credentialId);
    if (!credential) return;
    const end = await runCredentialChild(deps, { kind: 'verify', credential });
    if (end.kind === 'result' && end.result.kind === 'verification') {
      tries.delete(credentialId);
      const { result } = end.result;
      await deps.db.provisioner.finishVerification(credentialId, result);
      deps.log('info', 'credential checked', {
        credential: credentialId,
        state: result.state,
        code: result.failure?.code ?? null,
      });
      return;
    }
    if (deps.stopping.aborted) return;
    const count = (tries.get(credentialId) ?? 0) + 1;
    tries.set(credentialId, count);
    const failure =
      end.kind === 'result' && end.result.kind === 'unverified'
        ? end.result.failure
        : toFailure(
            new ProductError(
              'internal',
              'The credential could not be checked.',
              'Enter it again in a few minutes.',
            ),
            'verifying',
          );
    deps.log('warn', 'credential not checked', {
      credential: credentialId,
      tries: count,
      code: failure.code,
    });
    // The sweep brings it back until then; a blob that can't be checked isn't kept for good.
    if (count < maxTries) return;
    tries.delete(credentialId);
    await deps.db.provisioner.finishVerification(credentialId, {
      state: 'rejected',
      account: null,
      missing: [],
      failure,
      envelope: null,
      catalogue: null,
    });
  }

  return {
    verify(credentialId: string): Promise<void> {
      const already = running.get(credentialId);
      if (already) return already;
      const work = verify(credentialId).finally(() => running.delete(credentialId));
      running.set(credentialId, work);
      return work;
    },
    /** Reads a ready credential's prices and availability anew. */
    async refresh(credentialId: string): Promise<void> {
      const credential = await deps.db.provisioner.credentialEnvelope(credentialId);
      if (!credential) return;
      const end = await runCredentialChild(
        deps,
        { kind: 'catalogue', credential },
        `${credentialId}-catalogue`,
      );
      if (end.kind === 'result' && end.result.kind === 'catalogue')
        await deps.db.provisioner.storeCatalogue(credentialId, end.result.catalogue);
    },
  };
}
