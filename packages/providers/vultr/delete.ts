import { ProductError } from '@claw-cloud/contracts';
import type { JsonClient } from '../http/client.ts';
import { waitUntil } from '../http/wait-until.ts';
import type { CloudResource, OpenCredential } from '../provider.ts';
import { pathOf } from './find-by-tag.ts';

/** After these nothing was deleted, or it isn't known; deleting what is deleted answers 404, so asking again is safe. */
const askAgain = ['cloud_unavailable', 'cloud_maintenance', 'resource_locked'];

/**
 * Deletes a resource and waits until Vultr no longer knows it. A server that Vultr works on can't be deleted for a
 * while and is asked again. Raises what it refused, `cloud_unavailable` after two minutes.
 */
export async function deleteResource(
  client: JsonClient,
  credential: OpenCredential,
  resource: CloudResource,
): Promise<void> {
  const path = pathOf(resource);
  let ordered = false;
  const what = `deleting the ${resource.kind.replace('_', ' ')} ${resource.name}`;
  await waitUntil(client, { cloud: 'Vultr', what }, async () => {
    if (!ordered) {
      try {
        await client.send(credential, 'DELETE', path);
        ordered = true;
      } catch (error) {
        if (!(error instanceof ProductError) || !askAgain.includes(error.code)) throw error;
      }
    }
    return (await client.get(credential, path)) === null;
  });
}
