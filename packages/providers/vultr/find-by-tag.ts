import type { JsonClient } from '../http/client.ts';
import type { CloudResource, OpenCredential, TaggedResource } from '../provider.ts';
import type { BlockAnswer, FirewallGroupAnswer, InstanceAnswer, ReservedIpAnswer } from './answers.ts';

/** Tags of the product; what can't bear a tag has it as its description or label. */
const productTag = /^claw-ins_[0-9A-Za-z]{1,60}$/;

const paths: Readonly<Partial<Record<CloudResource['kind'], string>>> = {
  server: '/v2/instances',
  firewall: '/v2/firewalls',
  volume: '/v2/blocks',
  primary_ip: '/v2/reserved-ips',
};

/** Where a resource of this cloud answers. */
export function pathOf({ kind, id }: Pick<CloudResource, 'kind' | 'id'>): string {
  return `${paths[kind] ?? `/v2/${kind}`}/${encodeURIComponent(id)}`;
}

const server = (row: InstanceAnswer): CloudResource => ({
  kind: 'server',
  id: row.id,
  name: row.label,
  createdAt: row.date_created,
  status: row.status,
  deletedWith: null,
  region: row.region,
});

const rest = (
  kind: CloudResource['kind'],
  row: { id: string; region?: string },
  name: string,
  createdAt: string | null,
): CloudResource => ({
  kind,
  id: row.id,
  name,
  createdAt,
  status: null,
  deletedWith: null,
  ...(row.region === undefined ? {} : { region: row.region }),
});

/** Everything that bears a tag by its label: firewall groups, block storage and reserved addresses. */
async function labelled(
  client: JsonClient,
  credential: OpenCredential,
): Promise<{ resource: CloudResource; label: string }[]> {
  const [groups, blocks, addresses] = (await Promise.all([
    client.list(credential, '/v2/firewalls', 'firewall_groups'),
    client.list(credential, '/v2/blocks', 'blocks'),
    client.list(credential, '/v2/reserved-ips', 'reserved_ips'),
  ])) as unknown as [FirewallGroupAnswer[], BlockAnswer[], ReservedIpAnswer[]];
  return [
    ...groups.map((row) => ({
      resource: rest('firewall', row, row.description, row.date_created),
      label: row.description,
    })),
    ...blocks.map((row) => ({
      resource: rest('volume', row, row.label, row.date_created),
      label: row.label,
    })),
    ...addresses.map((row) => ({ resource: rest('primary_ip', row, row.label, null), label: row.label })),
  ];
}

/** Everything with the tag, as tag, description or label. Servers first: the rest hangs on them. */
export async function findByTag(
  client: JsonClient,
  credential: OpenCredential,
  tag: string,
): Promise<CloudResource[]> {
  const [instances, others] = await Promise.all([
    client.list(credential, '/v2/instances', 'instances', { tag }) as Promise<unknown> as Promise<
      InstanceAnswer[]
    >,
    labelled(client, credential),
  ]);
  return [
    // Vultr compares tags without regard to case; the product doesn't.
    ...instances.filter((row) => row.tags?.includes(tag)).map(server),
    ...others.filter(({ label }) => label === tag).map(({ resource }) => resource),
  ];
}

/** Everything in the account that bears a tag of the product, whichever instance it names. */
export async function findTagged(client: JsonClient, credential: OpenCredential): Promise<TaggedResource[]> {
  const [instances, others] = await Promise.all([
    client.list(credential, '/v2/instances', 'instances') as Promise<unknown> as Promise<InstanceAnswer[]>,
    labelled(client, credential),
  ]);
  return [
    ...instances.flatMap((row) => {
      const tag = row.tags?.find((entry) => productTag.test(entry));
      return tag === undefined ? [] : [{ ...server(row), tag }];
    }),
    ...others
      .filter(({ label }) => productTag.test(label))
      .map(({ resource, label }) => ({ ...resource, tag: label })),
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
