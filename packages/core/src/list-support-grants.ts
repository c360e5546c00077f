import type { SupportGrantRecord } from '@claw-cloud/contracts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { OneInstance } from './inputs.ts';
import { parse } from './parse.ts';

/** The grants an instance has reported, latest first; at most 200. Input: {instanceId}. Raises `not_found`. */
export async function listSupportGrants(
  context: OwnerContext,
  input: unknown,
): Promise<SupportGrantRecord[]> {
  const owner = asOwner(context);
  const now = context.now().getTime();
  const grants = await owner.listSupportGrants(parse(OneInstance, input).instanceId);
  // The machine ends a grant by itself and may tell us late, or never.
  return grants.map((grant) =>
    grant.endedAt === null && Date.parse(grant.endsAt) <= now
      ? { ...grant, endedAt: grant.endsAt, endedWhy: 'expired' }
      : grant,
  );
}
