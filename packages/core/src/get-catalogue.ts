import type { Catalogue } from '@claw-cloud/contracts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { OneCredential } from './inputs.ts';
import { parse } from './parse.ts';

/**
 * Regions, sizes and prices as the cloud offers them to this credential. Input: {credentialId}. Raises `not_found`,
 * `credential_not_ready`, `credential_rejected`.
 */
export async function getCatalogue(context: OwnerContext, input: unknown): Promise<Catalogue> {
  const owner = asOwner(context);
  return owner.getCatalogue(parse(OneCredential, input).credentialId);
}
