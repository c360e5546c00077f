import { ProductError } from '@claw-cloud/contracts';
import type { OwnerRepository } from '@claw-cloud/db';
import type { OwnerContext } from './context.ts';

/** What the acting owner may reach, and nothing else. Raises `unauthenticated` when nobody acts. */
export function asOwner(context: OwnerContext): OwnerRepository {
  const { ownerId } = context.actor;
  if (typeof ownerId !== 'string' || ownerId.length === 0 || ownerId.length > 200)
    throw new ProductError('unauthenticated', 'You are not signed in.', 'Sign in and try again.');
  return context.db.owner(ownerId, context.requestId);
}
