import type { Notes, Task } from '../child/protocol.ts';
import { type ChildEnd, runChild } from './child-process.ts';
import type { OperationDeps } from './run-operation.ts';

const timeoutMs = 120_000;

/** A task on a credential alone, outside an operation. */
export type CredentialTask = Exclude<Task, { lease: unknown }>;

function refuseNote(): Promise<never> {
  return Promise.reject(new Error('a child that works outside an operation has nothing else to note'));
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

/** Runs a task on a credential in a child of its own, marked and foldered by `id`: two of one id never at once. */
export async function runCredentialChild(
  deps: OperationDeps,
  task: CredentialTask,
  id: string = task.credential.id,
): Promise<ChildEnd> {
  const { credential } = task;
  return runChild({
    id,
    task,
    settings: await deps.settings(credential.provider, credential.externalId),
    workRoot: deps.workRoot,
    path: deps.path,
    codeCache: deps.codeCache,
    notes: notesOf(deps, task),
    log: (level, message, more) => deps.log(level, message, { credential: credential.id, ...more }),
    interrupt: deps.stopping,
    graceMs: 5_000,
    kill: new AbortController().signal,
    timeoutMs,
  });
}
