import { type MissingPermission, ProductError } from '@claw-cloud/contracts';
import type { OpenCredential } from '../provider.ts';
import type { HetznerClient } from './client.ts';
import { policy } from './policy.ts';
import { requireTokenShape } from './token.ts';

/**
 * A token reads or reads and writes; there is nothing finer. A firewall without a name is refused whoever asks:
 * with 403 for a token that may only read, with 422 for one that may write. Nothing is made and nothing costs.
 */
export async function missingPermissions(
  client: HetznerClient,
  credential: OpenCredential,
): Promise<MissingPermission[]> {
  requireTokenShape(credential);
  try {
    await client.send(credential, 'POST', '/firewalls', { name: '' });
  } catch (error) {
    if (!(error instanceof ProductError)) throw error;
    if (error.code === 'credential_powerless') {
      return policy.permissions
        .slice(-1)
        .map(({ name, neededFor, fix }) => ({ permission: name, neededFor, fix }));
    }
    if (error.code === 'cloud_refused') return [];
    throw error;
  }
  throw new ProductError(
    'cloud_unexpected',
    'Hetzner accepted a request that it should have refused while we checked what the token may do.',
    'Look for a firewall without a name in the project and delete it, then tell us.',
  );
}
