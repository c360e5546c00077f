import { auditRefusal } from './audit-refusal.ts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { OneCredential } from './inputs.ts';
import { parse } from './parse.ts';

/** Erases a credential and its stored secret. Input: {credentialId}. Raises `not_found`, `credential_in_use`. */
export async function removeCredential(context: OwnerContext, input: unknown): Promise<void> {
  const owner = asOwner(context);
  const { credentialId } = parse(OneCredential, input);
  await auditRefusal(context, owner, { action: 'credential.remove', target: credentialId }, () =>
    owner.removeCredential(credentialId),
  );
}
