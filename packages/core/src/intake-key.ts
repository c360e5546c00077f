import { ProductError, type Sealed } from '@claw-cloud/contracts';
import type { VerbContext } from './context.ts';

/** Raises `intake_key_unknown` when the box was sealed for another key than the provisioner's newest. */
export async function requireIntakeKey(context: VerbContext, sealed: Sealed): Promise<void> {
  const { kid } = await context.db.provisioner.intakeKey();
  if (sealed.kid !== kid)
    throw new ProductError(
      'intake_key_unknown',
      'This was encrypted for a key that is no longer in use.',
      'Reload the page and send it again: it fetches the key of today.',
    );
}
