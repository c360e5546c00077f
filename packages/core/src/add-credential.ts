import { AddCredential, type Credential, jobIds, ProductError } from '@claw-cloud/contracts';
import { enqueueAfterCommit } from './after-commit.ts';
import { auditRefusal } from './audit-refusal.ts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { requireIntakeKey } from './intake-key.ts';
import { parse } from './parse.ts';

/**
 * Stores a sealed credential and asks the provisioner to check it. Input: AddCredential. Idempotent by its id. Raises
 * `invalid_request`, `provider_unavailable`, `intake_key_unknown`, `conflict`.
 */
export async function addCredential(
  context: OwnerContext,
  input: unknown,
): Promise<{ credential: Credential; created: boolean }> {
  const owner = asOwner(context);
  const request = parse(AddCredential, input);
  return auditRefusal(context, owner, { action: 'credential.add', target: request.id }, async () => {
    if (context.providers && !context.providers.includes(request.provider))
      throw new ProductError(
        'provider_unavailable',
        `This installation has no cloud “${request.provider}”.`,
        `Pick one of: ${context.providers.join(', ')}.`,
      );
    await requireIntakeKey(context, request.sealed);
    const added = await owner.addCredential(request);
    const { id, state } = added.credential;
    if (state === 'verifying')
      await enqueueAfterCommit(context, 'credential.verify', { credentialId: id }, jobIds.verify(id));
    return added;
  });
}
