import { jobIds, type Stray, StrayId } from '@claw-cloud/contracts';
import { z } from 'zod';
import { enqueueAfterCommit } from './after-commit.ts';
import { auditRefusal } from './audit-refusal.ts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { parse } from './parse.ts';

const Input = z.object({ strayId: StrayId });

/**
 * Writes the wish that a stray be deleted and asks the provisioner to carry it out; it looks again before it does. Only
 * what an exact record binds can be deleted. Input: {strayId}. Idempotent. Raises `not_found`, `conflict`.
 */
export async function deleteStray(context: OwnerContext, input: unknown): Promise<Stray> {
  const owner = asOwner(context);
  const { strayId } = parse(Input, input);
  return auditRefusal(context, owner, { action: 'stray.delete', target: strayId }, async () => {
    const stray = await owner.deleteStray(strayId);
    await enqueueAfterCommit(context, 'stray.delete', { strayId }, jobIds.deleteStray(strayId));
    return stray;
  });
}
