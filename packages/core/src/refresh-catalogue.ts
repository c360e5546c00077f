import { type CatalogueRenewal, jobIds } from '@claw-cloud/contracts';
import { enqueueAfterCommit } from './after-commit.ts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { OneCredential } from './inputs.ts';
import { parse } from './parse.ts';

/** Prices don't change from one minute to the next, and clouds count requests. */
const freshForMs = 60_000;

/**
 * Asks the provisioner to read a cloud's prices and availability anew; answers with the catalogue as it stands. One of
 * less than a minute is new enough, and nothing is asked. Input: {credentialId}. Raises `not_found`,
 * `credential_not_ready`, `credential_rejected`.
 */
export async function refreshCatalogue(context: OwnerContext, input: unknown): Promise<CatalogueRenewal> {
  const owner = asOwner(context);
  const { credentialId } = parse(OneCredential, input);
  const catalogue = await owner.getCatalogue(credentialId);
  const asked = context.now().getTime() - Date.parse(catalogue.fetchedAt) >= freshForMs;
  if (asked)
    await enqueueAfterCommit(context, 'catalogue.refresh', { credentialId }, jobIds.refresh(credentialId));
  return { catalogue, asked };
}
