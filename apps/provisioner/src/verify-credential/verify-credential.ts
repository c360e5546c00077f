import { ProductError, toFailure } from '@claw-cloud/contracts';
import type { Notes, Task } from '../child/protocol.ts';
import { runChild } from '../operations/child-process.ts';
import type { OperationDeps } from '../operations/run-operation.ts';

const timeoutMs = 120_000;
const maxTries = 5;

type CredentialTask = Extract<Task, { kind: 'verify' | 'catalogue' }>;

function refuseNote(): Promise<never> {
  return Promise.reject(new Error('a child that checks a credential has nothing else to note'));
}

function notesOf({ db }: OperationDeps, { credential }: CredentialTask): Notes {
  return {
    setState: refuseNote,
    appendEvent: refuseNote,
    storeStackSecret: refuseNote,
    storeRegistration: refuseNote,
    eraseEnrolment: refuseNote,
    auditUse: (purpose) =>
      db.provisioner.appendAudit({
        ownerId: credential.ownerId,
        actor: 'provisioner',
        action: 'credential.use',
        target: credential.id,
        outcome: 'succeeded',
        detail: { operation: null, purpose },
      }),
  };
}

function runCredentialChild(deps: OperationDeps, task: CredentialTask) {
  const { credential } = task;
  return deps.settings(credential.provider).then((settings) =>
    runChild({
      id: credential.id,
      task,
      settings,
      workRoot: deps.workRoot,
      path: deps.path,
      notes: notesOf(deps, task),
      log: (level, message, more) => deps.log(level, message, { credential: credential.id, ...more }),
      interrupt: deps.stopping,
      graceMs: 5_000,
      kill: new AbortController().signal,
      timeoutMs,
    }),
  );
}

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
      const end = await runCredentialChild(deps, { kind: 'catalogue', credential });
      if (end.kind === 'result' && end.result.kind === 'catalogue')
        await deps.db.provisioner.storeCatalogue(credentialId, end.result.catalogue);
    },
  };
}
