import type { IntakeKey } from '@claw-cloud/contracts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';

/** The public key that browsers seal for. Raises `unavailable` before the provisioner has published one. */
export async function getIntakeKey(context: OwnerContext): Promise<IntakeKey> {
  asOwner(context);
  return context.db.provisioner.intakeKey();
}
