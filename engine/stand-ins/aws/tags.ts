import type { Work } from '../protocol/resource.ts';
import { object, objects, type Properties, text, type Value } from '../protocol/values.ts';
import type { Ec2 } from './client.ts';

const entries = (tags: Value | undefined): Properties[] =>
  Object.entries(object(tags)).map(([Key, value]) => ({ Key, Value: text(value) }));

/** Tags that a creating action gives to what it makes. */
export function tagSpecification(type: string, tags: Value | undefined): Properties[] {
  const Tag = entries(tags);
  return Tag.length === 0 ? [] : [{ ResourceType: type, Tag }];
}

/** The tags of an answer; those of AWS itself are nobody's. */
export function tagsIn(answer: Properties): Properties {
  const own = objects(answer.tagSet).filter(({ key }) => !text(key).startsWith('aws:'));
  return Object.fromEntries(own.map(({ key, value }) => [text(key), text(value)]));
}

/** Takes off what is no longer wanted and puts on what is new or changed. */
export async function changeTags(
  { client, signal }: Work<Ec2>,
  id: string,
  before: Value | undefined,
  after: Value | undefined,
): Promise<void> {
  const [old, wanted] = [object(before), object(after)];
  const removed = entries(old).filter(({ Key }) => wanted[text(Key)] === undefined);
  const set = entries(wanted).filter(({ Key, Value: value }) => old[text(Key)] !== value);
  if (removed.length > 0) await client.call('DeleteTags', { ResourceId: [id], Tag: removed }, signal);
  if (set.length > 0) await client.call('CreateTags', { ResourceId: [id], Tag: set }, signal);
}
