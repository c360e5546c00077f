import type { Operation } from '@claw-cloud/contracts';
import { auditRefusal } from './audit-refusal.ts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { enqueueOperation } from './enqueue-operation.ts';
import { OneInstance } from './inputs.ts';
import { parse } from './parse.ts';

/**
 * Writes the intent to compare what stands in the cloud with what was made, and asks the provisioner to do so; what it
 * finds is the instance's `drift`. Nothing is changed. Input: {instanceId}. Idempotent: the check that is at work is
 * returned. Raises `not_found`, `instance_busy`, `conflict`.
 */
export async function checkInstance(context: OwnerContext, input: unknown): Promise<Operation> {
  const owner = asOwner(context);
  const { instanceId } = parse(OneInstance, input);
  return auditRefusal(context, owner, { action: 'instance.check', target: instanceId }, async () => {
    const operation = await owner.checkInstance(instanceId, context.newId('operation'));
    await enqueueOperation(context, operation);
    return operation;
  });
}
