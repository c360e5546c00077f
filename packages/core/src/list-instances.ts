import type { Instance } from '@claw-cloud/contracts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';

/** The owner's instances: those that live first, then the destroyed ones, each newest first; at most 200. */
export const listInstances = async (context: OwnerContext): Promise<Instance[]> =>
  asOwner(context).listInstances();
