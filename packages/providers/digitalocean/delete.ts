import { ProductError } from '@claw-cloud/contracts';
import type { JsonClient } from '../http/client.ts';
import { waitUntil } from '../http/wait-until.ts';
import type { CloudResource, OpenCredential } from '../provider.ts';
import type { DropletAnswer, TagAnswer } from './answers.ts';
import { pathOf, productTag } from './find-by-tag.ts';

/** After these nothing was deleted, or it isn't known; deleting what is deleted answers 404, so asking again is safe. */
const askAgain = ['cloud_unavailable', 'cloud_maintenance', 'resource_locked'];

/**
 * Deletes a resource and waits until DigitalOcean no longer knows it; with a droplet its tag goes, once nothing else
 * bears it. Raises what was refused, `cloud_unavailable` after two minutes.
 */
export async function deleteResource(
  client: JsonClient,
  credential: OpenCredential,
  resource: CloudResource,
): Promise<void> {
  const path = pathOf(resource);
  const tags = resource.kind === 'server' ? await productTags(client, credential, path) : [];
  await deleteAt(client, credential, path, `deleting the ${resource.kind} ${resource.name}`);
  for (const name of tags) {
    const at = pathOf({ kind: 'tag', id: name });
    const tag = (await client.get(credential, at))?.tag as TagAnswer | undefined;
    if (tag?.resources?.count === 0) await deleteAt(client, credential, at, `deleting the tag ${name}`);
  }
}

async function productTags(
  client: JsonClient,
  credential: OpenCredential,
  path: string,
): Promise<readonly string[]> {
  const droplet = (await client.get(credential, path))?.droplet as DropletAnswer | undefined;
  return droplet?.tags.filter((tag) => productTag.test(tag)) ?? [];
}

async function deleteAt(
  client: JsonClient,
  credential: OpenCredential,
  path: string,
  what: string,
): Promise<void> {
  let ordered = false;
  await waitUntil(client, { cloud: 'DigitalOcean', what }, async () => {
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
