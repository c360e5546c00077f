import type { Resource, Work } from '../protocol/resource.ts';
import { object, type Properties, text } from '../protocol/values.ts';
import { type DigitalOcean, found, named } from './client.ts';

const tagName = /^[a-zA-Z0-9:\-_]{1,255}$/;
const tagRule =
  'tags may contain lowercase letters, numbers, colons, dashes, and underscores; there is a limit of 255 characters per tag';

/** What the official provider says of a tag that DigitalOcean would not take. */
export function wrongTag(tags: readonly string[]): string | undefined {
  return tags.every((tag) => tagName.test(tag)) ? undefined : tagRule;
}

/** A tag by itself. */
export const tag: Resource<DigitalOcean> = {
  type: 'digitalocean:index/tag:Tag',
  autoname: 'name',
  replaces: ['name'],
  check: ({ name }) => {
    const reason = wrongTag([text(name)]);
    return reason ? { property: 'name', reason } : undefined;
  },

  async create(work, inputs, made) {
    const name = text(inputs.name);
    const answer = await named(
      'Error creating tag',
      work.client.call('POST', '/v2/tags', work.signal, { name }),
    );
    const id = text(object(answer.tag).name);
    made(id, {});
    const said = await tag.read(work, id, {});
    if (said) made(id, said);
  },

  async read({ client, signal }, id) {
    const path = `/v2/tags/${encodeURIComponent(id)}`;
    const answer = await named('Error retrieving tag', found(client.call('GET', path, signal)));
    if (!answer) return null;
    const { name, resources } = object(answer.tag);
    const count = (kind: string) => object(object(resources)[kind]).count ?? 0;
    return {
      name: text(name),
      totalResourceCount: object(resources).count ?? 0,
      dropletsCount: count('droplets'),
      imagesCount: count('images'),
      volumesCount: count('volumes'),
      volumeSnapshotsCount: count('volume_snapshots'),
      databasesCount: count('databases'),
    };
  },

  async delete({ client, signal }, id) {
    await named('Error deleting tag', client.call('DELETE', `/v2/tags/${encodeURIComponent(id)}`, signal));
  },
};

/** Takes tags off a resource and puts others on, each by calls of its own. */
export async function setTags(
  { client, signal }: Work<DigitalOcean>,
  { id, type }: { id: string; type: string },
  before: readonly string[],
  after: readonly string[],
): Promise<void> {
  const resources: Properties = { resources: [{ resource_id: id, resource_type: type }] };
  const path = (name: string) => `/v2/tags/${encodeURIComponent(name)}/resources`;
  for (const name of before.filter((old) => !after.includes(old))) {
    await client.call('DELETE', path(name), signal, resources);
  }
  for (const name of after.filter((wanted) => !before.includes(wanted))) {
    await client.call('POST', '/v2/tags', signal, { name });
    await client.call('POST', path(name), signal, resources);
  }
}
