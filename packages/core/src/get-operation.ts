import type { Operation } from '@claw-cloud/contracts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { OneOperation } from './inputs.ts';
import { parse } from './parse.ts';

/** Input: {operationId}. Raises `invalid_request`, `not_found`. */
export async function getOperation(context: OwnerContext, input: unknown): Promise<Operation> {
  const owner = asOwner(context);
  return owner.getOperation(parse(OneOperation, input).operationId);
}
