import { GrantId } from '@claw-cloud/contracts';
import { z } from 'zod';
import type { VerbContext } from './context.ts';
import { parse } from './parse.ts';

const Open = z.object({ grantId: GrantId, tokenHash: z.string().regex(/^[0-9a-f]{64}$/) });
const Close = z.object({
  grantId: GrantId,
  seconds: z.number().nonnegative(),
  bytesUp: z.number().int().nonnegative(),
  bytesDown: z.number().int().nonnegative(),
});

/**
 * Decides about somebody who asks for a support connection; call it before a byte is passed on. Input: {grantId,
 * tokenHash: SHA-256 of the token in hex}. Both decisions stand in the audit log of the grant's owner; the machine
 * checks the key, the time and the grant again by itself. Raises `grant_unknown`, `grant_token_invalid`, `grant_ended`.
 */
export async function openSupportConnection(
  context: VerbContext,
  input: unknown,
): Promise<{ instanceId: string }> {
  const { grantId, tokenHash } = parse(Open, input);
  return context.db.machine.openSupport(grantId, tokenHash);
}

/** Notes the end of a connection that was allowed. Input: {grantId, seconds, bytesUp, bytesDown}. */
export async function closeSupportConnection(context: VerbContext, input: unknown): Promise<void> {
  const { grantId, ...detail } = parse(Close, input);
  await context.db.machine.closeSupport(grantId, detail);
}
