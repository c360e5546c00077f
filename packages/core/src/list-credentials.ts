import type { Credential } from '@claw-cloud/contracts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';

/** The owner's credentials, newest first; never a secret of theirs. */
export const listCredentials = async (context: OwnerContext): Promise<Credential[]> =>
  asOwner(context).listCredentials();
