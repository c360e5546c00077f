import { InstanceId, type Operation, PowerWish } from '@claw-cloud/contracts';
import { z } from 'zod';
import { auditRefusal } from './audit-refusal.ts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { enqueueOperation } from './enqueue-operation.ts';
import { parse } from './parse.ts';

const Input = z.object({ instanceId: InstanceId, wish: PowerWish });

/**
 * Writes the intent to start, stop or reboot a server and asks the provisioner to carry it out. Input: {instanceId,
 * wish}. Idempotent: the operation that already does so is returned. Raises `not_found`, `instance_busy`, `conflict`.
 */
export async function powerInstance(context: OwnerContext, input: unknown): Promise<Operation> {
  const owner = asOwner(context);
  const { instanceId, wish } = parse(Input, input);
  return auditRefusal(context, owner, { action: `instance.${wish}`, target: instanceId }, async () => {
    const operation = await owner.powerInstance(instanceId, wish, context.newId('operation'));
    await enqueueOperation(context, operation);
    return operation;
  });
}
