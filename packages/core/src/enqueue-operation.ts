import { jobIds, type Operation } from '@claw-cloud/contracts';
import { enqueueAfterCommit } from './after-commit.ts';
import type { VerbContext } from './context.ts';

/** Asks the provisioner to carry out an operation whose intent is written; one that has begun is left alone. */
export async function enqueueOperation(context: VerbContext, { id, state }: Operation): Promise<void> {
  if (state === 'queued')
    await enqueueAfterCommit(context, 'operation.run', { operationId: id }, jobIds.run(id, 0));
}
