import { InstanceHealth, InstanceId, ProductError } from '@claw-cloud/contracts';
import { z } from 'zod';
import type { VerbContext } from './context.ts';
import { parse } from './parse.ts';

const Input = z.object({ instanceId: InstanceId, health: InstanceHealth });

/** The instance answered through its tunnel. Input: {instanceId, health}. Raises `instance_not_ready`. Idempotent. */
export async function markReady(context: VerbContext, input: unknown): Promise<void> {
  const { instanceId, health } = parse(Input, input);
  if (health.gateway !== 'ready')
    throw new ProductError(
      'instance_not_ready',
      `The assistant is not ready: its gateway is ${health.gateway}.`,
      'Wait a few seconds, then try again.',
    );
  await context.db.machine.markReady(instanceId, health);
}
