import { InstanceId, type Operation, ReplaceCredential } from '@claw-cloud/contracts';
import { auditRefusal } from './audit-refusal.ts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { enqueueOperation } from './enqueue-operation.ts';
import { parse } from './parse.ts';

const Input = ReplaceCredential.extend({ instanceId: InstanceId });

/**
 * Writes the intent to look after an instance with another credential of the same cloud, and asks the provisioner to try
 * it: the instance moves to it when its account has the machine. Input: {instanceId, credentialId}. Idempotent while it
 * is at work. Raises `not_found`, `credential_not_ready`, `credential_rejected`, `instance_busy`, `conflict`.
 */
export async function replaceCredential(context: OwnerContext, input: unknown): Promise<Operation> {
  const owner = asOwner(context);
  const { instanceId, credentialId } = parse(Input, input);
  return auditRefusal(
    context,
    owner,
    { action: 'instance.replace_credential', target: instanceId },
    async () => {
      const operation = await owner.replaceCredential(instanceId, credentialId, context.newId('operation'));
      await enqueueOperation(context, operation);
      return operation;
    },
  );
}
