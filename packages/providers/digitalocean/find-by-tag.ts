import type { JsonClient } from '../http/client.ts';
import type { CloudResource, OpenCredential, TaggedResource } from '../provider.ts';
import type { DropletAnswer, FirewallAnswer, TagAnswer } from './answers.ts';

/** The tags and names that the product gives: `claw-ins_…`, and `claw-ins-…` where no underscore may stand. */
export const productTag = /^claw-ins_[0-9A-Za-z]{1,60}$/;
const productName = /^claw-ins-([0-9A-Za-z]{1,60})$/;

const nameOf = (tag: string): string => tag.replaceAll('_', '-');

/**
 * The product's tag as a firewall's name says it. Which tags it guards doesn't count: an owner's own firewall may guard
 * a droplet of ours too.
 */
function tagOfFirewall({ name }: FirewallAnswer): string | null {
  const [, instance] = productName.exec(name) ?? [];
  return instance ? `claw-ins_${instance}` : null;
}

const paths: Readonly<Partial<Record<CloudResource['kind'], string>>> = {
  server: '/v2/droplets',
  firewall: '/v2/firewalls',
  tag: '/v2/tags',
};

/** Where a resource of this cloud answers. */
export function pathOf({ kind, id }: Pick<CloudResource, 'kind' | 'id'>): string {
  return `${paths[kind] ?? `/v2/${kind}`}/${encodeURIComponent(id)}`;
}

const server = (row: DropletAnswer): CloudResource => ({
  kind: 'server',
  id: String(row.id),
  name: row.name,
  createdAt: row.created_at,
  status: row.status,
  deletedWith: null,
  region: row.region.slug,
});

const firewall = (row: FirewallAnswer): CloudResource => ({
  kind: 'firewall',
  id: row.id,
  name: row.name,
  createdAt: row.created_at,
  status: null,
  deletedWith: null,
});

/** A tag is its own name; when it was made isn't told. */
const tagItself = ({ name }: TagAnswer): CloudResource => ({
  kind: 'tag',
  id: name,
  name,
  createdAt: null,
  status: null,
  deletedWith: null,
});

async function listFirewalls(client: JsonClient, credential: OpenCredential): Promise<FirewallAnswer[]> {
  return (await client.list(credential, '/v2/firewalls', 'firewalls')) as unknown as FirewallAnswer[];
}

/**
 * The droplets with the tag, the firewalls with its name (they can't bear a tag), and the tag itself, which DigitalOcean
 * keeps when nothing bears it any more. Servers first, the tag last.
 */
export async function findByTag(
  client: JsonClient,
  credential: OpenCredential,
  tag: string,
): Promise<CloudResource[]> {
  const [droplets, firewalls, own] = await Promise.all([
    client.list(credential, '/v2/droplets', 'droplets', { tag_name: tag }) as Promise<unknown> as Promise<
      DropletAnswer[]
    >,
    listFirewalls(client, credential),
    client.get(credential, pathOf({ kind: 'tag', id: tag })),
  ]);
  const ownTag = own?.tag as TagAnswer | undefined;
  return [
    // DigitalOcean compares tags without regard to case; the product doesn't.
    ...droplets.filter((row) => row.tags.includes(tag)).map(server),
    ...firewalls.filter((row) => row.name === nameOf(tag)).map(firewall),
    ...(ownTag?.name === tag ? [tagItself(ownTag)] : []),
  ];
}

/** Everything in the account that bears a tag or a name of the product, whichever instance it names. */
export async function findTagged(client: JsonClient, credential: OpenCredential): Promise<TaggedResource[]> {
  const [droplets, firewalls, tags] = await Promise.all([
    client.list(credential, '/v2/droplets', 'droplets') as Promise<unknown> as Promise<DropletAnswer[]>,
    listFirewalls(client, credential),
    client.list(credential, '/v2/tags', 'tags') as Promise<unknown> as Promise<TagAnswer[]>,
  ]);
  const tagged = (resource: CloudResource, tag: string | null | undefined): TaggedResource[] =>
    tag ? [{ ...resource, tag }] : [];
  return [
    ...droplets.flatMap((row) =>
      tagged(
        server(row),
        row.tags.find((tag) => productTag.test(tag)),
      ),
    ),
    ...firewalls.flatMap((row) => tagged(firewall(row), tagOfFirewall(row))),
    // One that something bears shows in that.
    ...tags
      .filter((row) => productTag.test(row.name) && row.resources?.count === 0)
      .flatMap((row) => tagged(tagItself(row), row.name)),
  ];
}

/** Asks for each resource by its id: also finds what lost its tag. */
export async function stillExisting(
  client: JsonClient,
  credential: OpenCredential,
  resources: readonly CloudResource[],
): Promise<CloudResource[]> {
  const left: CloudResource[] = [];
  for (const resource of resources) if (await client.get(credential, pathOf(resource))) left.push(resource);
  return left;
}
