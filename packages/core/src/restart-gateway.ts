import { type ErrorCode, type Instance, ProductError } from '@claw-cloud/contracts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { OneInstance } from './inputs.ts';
import { parse } from './parse.ts';

/**
 * Asks an instance through its tunnel to restart its gateway: nothing else is asked of a machine without the owner
 * channel. `ask` does so and raises what the tunnel answers. Input: {instanceId}. The outcome stands in the audit log.
 * Raises `not_found`, `instance_offline`, `gateway_unavailable`, `rate_limited`.
 */
export async function restartGateway(
  context: OwnerContext,
  input: unknown,
  ask: (instance: Instance) => Promise<void>,
): Promise<void> {
  const owner = asOwner(context);
  const { instanceId } = parse(OneInstance, input);
  const instance = await owner.getInstance(instanceId);
  const note = (code: ErrorCode | null) =>
    owner
      .recordRestart(instanceId, code)
      .catch((failed: unknown) => context.warn?.('an audit row of a restart was not written', failed));
  try {
    await ask(instance);
  } catch (error) {
    await note(error instanceof ProductError ? error.code : 'internal');
    throw error;
  }
  await note(null);
}
