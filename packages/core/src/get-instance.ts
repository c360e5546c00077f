import type { Instance } from '@claw-cloud/contracts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { OneInstance } from './inputs.ts';
import { parse } from './parse.ts';

/** Input: {instanceId}. Raises `invalid_request`, `not_found`. */
export async function getInstance(context: OwnerContext, input: unknown): Promise<Instance> {
  const owner = asOwner(context);
  return owner.getInstance(parse(OneInstance, input).instanceId);
}
