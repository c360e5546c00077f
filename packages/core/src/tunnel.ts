import { InstanceId } from '@claw-cloud/contracts';
import { z } from 'zod';
import type { VerbContext } from './context.ts';
import { parse } from './parse.ts';

const Open = z.object({ instanceId: InstanceId, node: z.string().min(1).max(200) });
const Close = z.object({ instanceId: InstanceId, epoch: z.number().int().positive() });

/**
 * Notes that an instance's tunnel ends at this api node; call it after the signature of the challenge was checked.
 * Input: {instanceId, node}. Raises `tunnel_key_unknown`.
 */
export async function openTunnel(context: VerbContext, input: unknown): Promise<{ epoch: number }> {
  const { instanceId, node } = parse(Open, input);
  return { epoch: await context.db.machine.attachTunnel(instanceId, node) };
}

/** Notes that the tunnel is gone, unless a later one has taken over. Input: {instanceId, epoch}. */
export async function closeTunnel(context: VerbContext, input: unknown): Promise<void> {
  const { instanceId, epoch } = parse(Close, input);
  await context.db.machine.detachTunnel(instanceId, epoch);
}
