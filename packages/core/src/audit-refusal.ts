import { type ErrorCode, ProductError } from '@claw-cloud/contracts';
import type { OwnerRepository } from '@claw-cloud/db';
import type { OwnerContext } from './context.ts';

// Troubles of ours are no decision about the caller.
const notRefusals: ReadonlySet<ErrorCode> = new Set(['internal', 'unavailable']);

/**
 * Does the work and, when it is refused, writes an audit row that says so: what a change writes in its own transaction
 * is rolled back with it. The refusal is raised even if its audit row can't be written.
 */
export async function auditRefusal<Result>(
  context: OwnerContext,
  owner: OwnerRepository,
  { action, target }: { action: string; target: string },
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProductError && !notRefusals.has(error.code))
      await owner
        .recordDenied(action, target, { code: error.code })
        .catch((failed: unknown) => context.warn?.('an audit row of a refusal was not written', failed));
    throw error;
  }
}
