import { ProductError } from '@claw-cloud/contracts';
import { waitUntil } from '../http/wait-until.ts';
import type { CloudResource, OpenCredential } from '../provider.ts';
import type { HetznerClient } from './client.ts';
import { pathOf } from './find-by-tag.ts';

const passing = ['cloud_unavailable', 'cloud_maintenance', 'cloud_rate_limited', 'resource_locked'];

/**
 * Deletes a resource and waits until the cloud no longer knows it. A firewall can stay in use for a moment after its
 * server is gone, so a busy answer is asked again. Raises what Hetzner refused, `cloud_unavailable` after two minutes.
 */
export async function deleteResource(
  client: HetznerClient,
  credential: OpenCredential,
  resource: CloudResource,
): Promise<void> {
  const path = pathOf(resource);
  let ordered = false;
  const what = `deleting the ${resource.kind.replace('_', ' ')} ${resource.name}`;
  await waitUntil(client, { cloud: 'Hetzner', what }, async () => {
    if (!ordered) {
      try {
        ordered = true;
        await client.send(credential, 'DELETE', path);
      } catch (error) {
        // Deleting what is deleted answers 404, so asking once more is safe here.
        if (!(error instanceof ProductError) || !passing.includes(error.code)) throw error;
        ordered = false;
      }
    }
    return (await client.get(credential, path)) === null;
  });
}
