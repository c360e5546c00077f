import type { Operation } from '@claw-cloud/contracts';
import { auditRefusal } from './audit-refusal.ts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { enqueueOperation } from './enqueue-operation.ts';
import { OneInstance } from './inputs.ts';
import { parse } from './parse.ts';

/**
 * Writes the intent to bring back what has drifted and asks the provisioner to carry it out. Input: {instanceId}.
 * Idempotent: the repair that is at work is returned. Raises `not_found`, `instance_busy`, `conflict`.
 */
export async function repairInstance(context: OwnerContext, input: unknown): Promise<Operation> {
  const owner = asOwner(context);
  const { instanceId } = parse(OneInstance, input);
  return auditRefusal(context, owner, { action: 'instance.repair', target: instanceId }, async () => {
    const operation = await owner.repairInstance(instanceId, context.newId('operation'));
    await enqueueOperation(context, operation);
    return operation;
  });
}
