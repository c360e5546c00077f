import type { AuditEvent } from '@claw-cloud/contracts';
import { z } from 'zod';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { parse } from './parse.ts';

const Input = z.object({
  limit: z.number().int().min(1).max(200).default(50),
  before: z
    .string()
    .regex(/^evt_[0-9a-z]{24}$/, 'must be the id of an audit event')
    .optional(),
});

/** What was done and refused, newest first. Input: {limit?, before?: id of the last one seen}. Raises `not_found`. */
export async function listAuditEvents(context: OwnerContext, input: unknown = {}): Promise<AuditEvent[]> {
  const owner = asOwner(context);
  const { limit, before } = parse(Input, input);
  return owner.listAudit(limit, before);
}
