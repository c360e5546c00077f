import { type InstanceEvent, ProductError } from '@claw-cloud/contracts';
import { z } from 'zod';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { OneInstance } from './inputs.ts';
import { parse } from './parse.ts';

const Input = OneInstance.extend({
  /** A number, or the text of a Last-Event-ID header. */
  afterSeq: z.union([z.number(), z.string().max(40)]).optional(),
  limit: z.number().int().min(1).max(400).default(200),
});
const largestSeq = 2_147_483_647;

/**
 * The events after the one the reader has seen last, in order. Input: {instanceId, afterSeq?, limit?}; without
 * `afterSeq`, or with 0, from the first one. Raises `event_id_invalid` for what is no event of this instance, and
 * `not_found`.
 */
export async function readEvents(context: OwnerContext, input: unknown): Promise<InstanceEvent[]> {
  const owner = asOwner(context);
  const { instanceId, afterSeq, limit } = parse(Input, input);
  const after = toSeq(afterSeq ?? 0);
  if (after === 0) return owner.listEvents(instanceId, 0, limit);
  // Read from the one the reader names: if it isn't there, the reader would wait for what never comes.
  const [named, ...events] = await owner.listEvents(instanceId, after - 1, limit + 1);
  if (named?.seq !== after) throw invalid(after);
  return events;
}

function toSeq(value: number | string): number {
  const seq =
    typeof value === 'number' ? value : /^(0|[1-9][0-9]{0,9})$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isInteger(seq) || seq < 0 || seq > largestSeq) throw invalid(value);
  return seq;
}

const invalid = (value: number | string): ProductError =>
  new ProductError(
    'event_id_invalid',
    `“${String(value)}” is not the id of an event of this instance.`,
    'Leave the id out to read from the first event.',
  );
