import type { Operation } from '@claw-cloud/contracts';
import { auditRefusal } from './audit-refusal.ts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { enqueueOperation } from './enqueue-operation.ts';
import { OneInstance } from './inputs.ts';
import { parse } from './parse.ts';

/**
 * Writes the intent to destroy and asks the provisioner to carry it out. Input: {instanceId}. Idempotent: the operation
 * that already does or did so is returned. Raises `not_found`, `instance_busy`.
 */
export async function destroyInstance(context: OwnerContext, input: unknown): Promise<Operation> {
  const owner = asOwner(context);
  const { instanceId } = parse(OneInstance, input);
  return auditRefusal(context, owner, { action: 'instance.destroy', target: instanceId }, async () => {
    const operation = await owner.destroyInstance(instanceId, context.newId('operation'));
    await enqueueOperation(context, operation);
    return operation;
  });
}
