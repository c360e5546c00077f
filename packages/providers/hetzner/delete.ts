import { ProductError } from '@claw-cloud/contracts';
import type { CloudResource, OpenCredential } from '../provider.ts';
import { waitUntil } from './actions.ts';
import type { HetznerClient } from './client.ts';
import { paths } from './find-by-tag.ts';

/**
 * Deletes a resource and waits until the cloud no longer knows it. A firewall can stay in use for a moment after its
 * server is gone, so a busy answer is asked again. Raises what Hetzner refused, `cloud_unavailable` after two minutes.
 */
export async function deleteResource(
  client: HetznerClient,
  credential: OpenCredential,
  resource: CloudResource,
): Promise<void> {
  const path = `${paths[resource.kind]}/${resource.id}`;
  let ordered = false;
  await waitUntil(client, `deleting the ${resource.kind.replace('_', ' ')} ${resource.name}`, async () => {
    if (!ordered) {
      try {
        ordered = true;
        await client.send(credential, 'DELETE', path);
      } catch (error) {
        // Deleting what is deleted answers 404, so asking once more is safe here.
        if (!(error instanceof ProductError) || error.code !== 'cloud_unavailable') throw error;
        ordered = false;
      }
    }
    return (await client.get(credential, path)) === null;
  });
}
