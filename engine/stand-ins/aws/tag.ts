import type { Resource } from '../protocol/resource.ts';
import { text } from '../protocol/values.ts';
import { type Ec2, filters, named, one } from './client.ts';

/** One tag of a thing that is not itself in the program. Its id is `resource,key`. */
export const tag: Resource<Ec2> = {
  type: 'aws:ec2/tag:Tag',
  computed: ['region'],
  replaces: ['resourceId', 'key', 'region'],

  async create(work, { resourceId, key, value }, made) {
    const id = `${text(resourceId)},${text(key)}`;
    await named(
      `creating EC2 Tag (${id})`,
      work.client.call(
        'CreateTags',
        { ResourceId: [text(resourceId)], Tag: [{ Key: text(key), Value: text(value) }] },
        work.signal,
      ),
    );
    made(id, {});
    const said = await tag.read(work, id, {});
    if (said) made(id, said);
  },

  async read(work, id) {
    const [resourceId = '', ...rest] = id.split(',');
    const key = rest.join(',');
    const found = await named(
      `reading EC2 Tag (${id})`,
      one(work, 'DescribeTags', { Filter: filters({ 'resource-id': resourceId, key }) }, 'tagSet'),
    );
    return found && { resourceId, key, value: text(found.value), region: work.client.region };
  },

  async update(work, id, { inputs, state }) {
    const Tag = [{ Key: text(inputs.key), Value: text(inputs.value) }];
    await named(
      `updating EC2 Tag (${id})`,
      work.client.call('CreateTags', { ResourceId: [text(state.resourceId)], Tag }, work.signal),
    );
    return (await tag.read(work, id, state)) ?? {};
  },

  async delete({ client, signal }, id, { resourceId, key, value }) {
    await named(
      `deleting EC2 Tag (${id})`,
      client.call(
        'DeleteTags',
        { ResourceId: [text(resourceId)], Tag: [{ Key: text(key), Value: text(value) }] },
        signal,
      ),
    );
  },
};
