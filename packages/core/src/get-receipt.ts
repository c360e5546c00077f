import type { Receipt } from '@claw-cloud/contracts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { OneInstance } from './inputs.ts';
import { parse } from './parse.ts';

/** What was made, deleted and left. Input: {instanceId}. Raises `not_found` before a destroy has left one. */
export async function getReceipt(context: OwnerContext, input: unknown): Promise<Receipt> {
  const owner = asOwner(context);
  return owner.getReceipt(parse(OneInstance, input).instanceId);
}
