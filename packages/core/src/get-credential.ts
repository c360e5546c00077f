import type { Credential } from '@claw-cloud/contracts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { OneCredential } from './inputs.ts';
import { parse } from './parse.ts';

/** Input: {credentialId}. Raises `invalid_request`, `not_found`. */
export async function getCredential(context: OwnerContext, input: unknown): Promise<Credential> {
  const owner = asOwner(context);
  return owner.getCredential(parse(OneCredential, input).credentialId);
}
