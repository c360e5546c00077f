import { RegisterInstance } from '@claw-cloud/contracts';
import type { MachineContext } from './context.ts';
import { parse } from './parse.ts';

/**
 * Stores an instance's public keys and uses its one-time token up. Input: RegisterInstance. Raises
 * `registration_token_invalid`, `registration_token_expired`, `registration_replayed`, `registration_wrong_instance`.
 */
export async function registerInstance(context: MachineContext, input: unknown): Promise<void> {
  await context.db.machine.register(context.tokenHash, parse(RegisterInstance, input));
}
