import type { Stray } from '@claw-cloud/contracts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';

/** What sweeps found in the owner's cloud accounts and no living instance owns; the latest seen first, at most 200. */
export async function listStrays(context: OwnerContext): Promise<Stray[]> {
  return asOwner(context).listStrays();
}
