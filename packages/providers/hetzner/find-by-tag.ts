import { cloudLabelKey } from '@claw-cloud/contracts';
import type { CloudResource, CloudResourceKind, OpenCredential, TaggedResource } from '../provider.ts';
import type { NamedAnswer, PrimaryIpAnswer, ServerAnswer } from './answers.ts';
import type { HetznerClient } from './client.ts';

type Kind = Extract<CloudResourceKind, 'server' | 'firewall' | 'primary_ip' | 'volume' | 'network'>;

const paths: Record<Kind, string> = {
  server: '/servers',
  firewall: '/firewalls',
  primary_ip: '/primary_ips',
  volume: '/volumes',
  network: '/networks',
};

const kinds = Object.keys(paths) as Kind[];

const fieldOf = (kind: Kind): string => paths[kind].slice(1);

/** Where a resource of this cloud answers. */
export function pathOf(resource: Pick<CloudResource, 'kind' | 'id'>): string {
  return `${paths[resource.kind as Kind]}/${resource.id}`;
}

const plain = (kind: Kind, row: NamedAnswer): CloudResource => ({
  kind,
  id: String(row.id),
  name: row.name,
  createdAt: row.created,
  status: null,
  deletedWith: null,
});

/** The addresses Hetzner makes with a server bear no label and go with it: found through the server. */
function addressesOf(server: ServerAnswer): { id: string; name: string }[] {
  return [server.public_net.ipv4, server.public_net.ipv6].flatMap((address) =>
    address?.id === undefined ? [] : [{ id: String(address.id), name: address.ip }],
  );
}

/** Everything with the label, and the addresses of the servers among it. Servers first: the rest hangs on them. */
export async function findByTag(
  client: HetznerClient,
  credential: OpenCredential,
  tag: string,
): Promise<CloudResource[]> {
  const label_selector = `${cloudLabelKey}==${tag}`;
  const list = async (kind: Kind) => client.list(credential, paths[kind], fieldOf(kind), { label_selector });
  const [servers, firewalls, addresses, volumes, networks] = (await Promise.all([
    list('server'),
    list('firewall'),
    list('primary_ip'),
    list('volume'),
    list('network'),
  ])) as unknown as [ServerAnswer[], NamedAnswer[], PrimaryIpAnswer[], NamedAnswer[], NamedAnswer[]];
  const found: CloudResource[] = servers.map((row) => ({ ...plain('server', row), status: row.status }));
  found.push(...firewalls.map((row) => plain('firewall', row)));
  found.push(
    ...addresses.map((row) => ({
      ...plain('primary_ip', row),
      deletedWith: row.auto_delete && row.assignee_id !== null ? String(row.assignee_id) : null,
    })),
  );
  for (const server of servers)
    for (const address of addressesOf(server))
      if (!found.some((entry) => entry.kind === 'primary_ip' && entry.id === address.id))
        found.push({
          kind: 'primary_ip',
          ...address,
          createdAt: server.created,
          status: null,
          deletedWith: String(server.id),
        });
  found.push(...volumes.map((row) => plain('volume', row)));
  found.push(...networks.map((row) => plain('network', row)));
  return found;
}

/** Asks for each resource by its id: also finds what lost its label. */
export async function stillExisting(
  client: HetznerClient,
  credential: OpenCredential,
  resources: readonly CloudResource[],
): Promise<CloudResource[]> {
  const left: CloudResource[] = [];
  for (const resource of resources) if (await client.get(credential, pathOf(resource))) left.push(resource);
  return left;
}

/** Everything in the project that bears the product's label, whichever instance it names. */
export async function findTagged(
  client: HetznerClient,
  credential: OpenCredential,
): Promise<TaggedResource[]> {
  const found: TaggedResource[] = [];
  for (const kind of kinds) {
    const rows = await client.list(credential, paths[kind], fieldOf(kind), { label_selector: cloudLabelKey });
    for (const row of rows as unknown as (NamedAnswer & {
      labels: Record<string, string>;
      status?: string;
    })[])
      found.push({
        ...plain(kind, row),
        status: kind === 'server' ? (row.status ?? null) : null,
        tag: row.labels[cloudLabelKey] ?? '',
      });
  }
  return found;
}
