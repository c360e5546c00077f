import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';

/** Makes the row of an owner who was never seen before; keeps the e-mail address of the session. */
export const ensureOwner = async (context: OwnerContext): Promise<void> =>
  asOwner(context).ensureOwner(context.actor.email?.slice(0, 320) ?? null);
