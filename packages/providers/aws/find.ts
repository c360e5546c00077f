import {
  DescribeInstancesCommand,
  DescribeInternetGatewaysCommand,
  DescribeNetworkInterfacesCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  DescribeVolumesCommand,
  DescribeVpcsCommand,
  type EC2Client,
  type Filter,
  type Instance,
  type Tag,
} from '@aws-sdk/client-ec2';
import { cloudLabelKey } from '@claw-cloud/contracts';
import type { CloudResource, CloudResourceKind, OpenCredential, TaggedResource } from '../provider.ts';
import { type AwsClient, inTurns } from './client.ts';
import { asked } from './errors.ts';
import { regionIds } from './regions.ts';

const regionsAtOnce = 8;
const maxPages = 200;

type Kind = Exclude<CloudResourceKind, 'primary_ip' | 'tag'>;
/** With its tag, which most callers leave out. */
type Found = CloudResource & { readonly region: string; readonly tag: string | null };

/** AWS's words for what an instance can consist of, in the order in which it is deleted. */
export const kinds: Readonly<Record<string, Kind>> = {
  instance: 'server',
  'network-interface': 'network_interface',
  volume: 'volume',
  'security-group': 'firewall',
  'route-table': 'route_table',
  'internet-gateway': 'gateway',
  subnet: 'subnet',
  vpc: 'network',
};
const order: readonly Kind[] = Object.values(kinds);

type Page = { readonly NextToken?: string | undefined };

async function allPages<T>(read: (token: string | undefined) => Promise<Page & { rows: T[] }>): Promise<T[]> {
  const rows: T[] = [];
  let token: string | undefined;
  for (let page = 0; page < maxPages; page += 1) {
    const answer = await asked(read(token));
    rows.push(...answer.rows);
    token = answer.NextToken;
    if (!token) break;
  }
  return rows;
}

const next = (token: string | undefined) => (token === undefined ? {} : { NextToken: token });
const tagOf = (tags: readonly Tag[] | undefined, key: string): string | null =>
  tags?.find(({ Key }) => Key === key)?.Value ?? null;

interface Row {
  readonly id: string | undefined;
  readonly tags: readonly Tag[] | undefined;
  readonly name?: string | undefined;
  readonly at?: Date | undefined;
  readonly status?: string | undefined;
  readonly deletedWith?: string | undefined;
}

function found(kind: Kind, region: string, row: Row): Found[] {
  if (row.id === undefined) return [];
  return [
    {
      kind,
      id: row.id,
      name: tagOf(row.tags, 'Name') ?? row.name ?? row.id,
      createdAt: row.at?.toISOString() ?? null,
      status: row.status ?? null,
      deletedWith: row.deletedWith ?? null,
      region,
      tag: tagOf(row.tags, cloudLabelKey),
    },
  ];
}

/** How AWS lists each kind, by its own filters; what is terminated is gone, though it is listed for an hour. */
const listings: Readonly<
  Record<Kind, (ec2: EC2Client, region: string, Filters: Filter[]) => Promise<Found[]>>
> = {
  server: async (ec2, region, Filters) =>
    (await instances(ec2, Filters)).flatMap((row) => serverOf(region, row)),
  network_interface: async (ec2, region, Filters) =>
    (
      await allPages(async (token) => {
        const answer = await ec2.send(new DescribeNetworkInterfacesCommand({ Filters, ...next(token) }));
        return { rows: answer.NetworkInterfaces ?? [], NextToken: answer.NextToken };
      })
    ).flatMap(({ NetworkInterfaceId, TagSet, Attachment }) =>
      found('network_interface', region, {
        id: NetworkInterfaceId,
        tags: TagSet,
        ...(Attachment?.DeleteOnTermination ? { deletedWith: Attachment.InstanceId } : {}),
      }),
    ),
  volume: async (ec2, region, Filters) =>
    (
      await allPages(async (token) => {
        const answer = await ec2.send(new DescribeVolumesCommand({ Filters, ...next(token) }));
        return { rows: answer.Volumes ?? [], NextToken: answer.NextToken };
      })
    ).flatMap(({ VolumeId, Tags, CreateTime, Attachments }) => {
      const attachment = Attachments?.find(({ DeleteOnTermination }) => DeleteOnTermination);
      return found('volume', region, {
        id: VolumeId,
        tags: Tags,
        at: CreateTime,
        deletedWith: attachment?.InstanceId,
      });
    }),
  firewall: async (ec2, region, Filters) =>
    (
      await allPages(async (token) => {
        const answer = await ec2.send(new DescribeSecurityGroupsCommand({ Filters, ...next(token) }));
        return { rows: answer.SecurityGroups ?? [], NextToken: answer.NextToken };
      })
    ).flatMap(({ GroupId, GroupName, Tags }) =>
      found('firewall', region, { id: GroupId, name: GroupName, tags: Tags }),
    ),
  route_table: async (ec2, region, Filters) =>
    (
      await allPages(async (token) => {
        const answer = await ec2.send(new DescribeRouteTablesCommand({ Filters, ...next(token) }));
        return { rows: answer.RouteTables ?? [], NextToken: answer.NextToken };
      })
    ).flatMap(({ RouteTableId, Tags }) => found('route_table', region, { id: RouteTableId, tags: Tags })),
  gateway: async (ec2, region, Filters) =>
    (
      await allPages(async (token) => {
        const answer = await ec2.send(new DescribeInternetGatewaysCommand({ Filters, ...next(token) }));
        return { rows: answer.InternetGateways ?? [], NextToken: answer.NextToken };
      })
    ).flatMap(({ InternetGatewayId, Tags }) =>
      found('gateway', region, { id: InternetGatewayId, tags: Tags }),
    ),
  subnet: async (ec2, region, Filters) =>
    (
      await allPages(async (token) => {
        const answer = await ec2.send(new DescribeSubnetsCommand({ Filters, ...next(token) }));
        return { rows: answer.Subnets ?? [], NextToken: answer.NextToken };
      })
    ).flatMap(({ SubnetId, Tags }) => found('subnet', region, { id: SubnetId, tags: Tags })),
  network: async (ec2, region, Filters) =>
    (
      await allPages(async (token) => {
        const answer = await ec2.send(new DescribeVpcsCommand({ Filters, ...next(token) }));
        return { rows: answer.Vpcs ?? [], NextToken: answer.NextToken };
      })
    ).flatMap(({ VpcId, Tags }) => found('network', region, { id: VpcId, tags: Tags })),
};

const idFilters: Readonly<Record<Kind, string>> = {
  server: 'instance-id',
  network_interface: 'network-interface-id',
  volume: 'volume-id',
  firewall: 'group-id',
  route_table: 'route-table-id',
  gateway: 'internet-gateway-id',
  subnet: 'subnet-id',
  network: 'vpc-id',
};

const instances = (ec2: EC2Client, Filters: Filter[]): Promise<Instance[]> =>
  allPages(async (token) => {
    const answer = await ec2.send(new DescribeInstancesCommand({ Filters, ...next(token) }));
    const rows = (answer.Reservations ?? []).flatMap(({ Instances = [] }) => Instances);
    return { rows: rows.filter(({ State }) => State?.Name !== 'terminated'), NextToken: answer.NextToken };
  });

/** A server with its disks and interfaces: they go with it, tagged or not. */
function serverOf(region: string, server: Instance): Found[] {
  const { InstanceId, Tags, LaunchTime, State, BlockDeviceMappings, NetworkInterfaces } = server;
  const own = (goes: boolean | undefined) => (goes ? { deletedWith: InstanceId } : {});
  const tags = Tags?.filter(({ Key }) => Key === 'Name' || Key === cloudLabelKey);
  return [
    ...found('server', region, { id: InstanceId, tags, at: LaunchTime, status: State?.Name }),
    ...(NetworkInterfaces ?? []).flatMap(({ NetworkInterfaceId, Attachment }) =>
      found('network_interface', region, {
        id: NetworkInterfaceId,
        tags,
        ...own(Attachment?.DeleteOnTermination),
      }),
    ),
    ...(BlockDeviceMappings ?? []).flatMap(({ Ebs }) =>
      found('volume', region, {
        id: Ebs?.VolumeId,
        tags,
        at: Ebs?.AttachTime,
        ...own(Ebs?.DeleteOnTermination),
      }),
    ),
  ].filter(({ kind, deletedWith }) => kind === 'server' || deletedWith !== null);
}

/**
 * What bears a tag in one region. The list of tags names all kinds in one request; servers are asked for beside it,
 * since that list may be some seconds behind.
 */
async function taggedIn(
  client: AwsClient,
  credential: OpenCredential,
  region: string,
  tag: string | null,
): Promise<Found[]> {
  const ec2 = client.ec2(credential, region);
  const named = tag === null ? [] : [tag];
  const byTag: Filter =
    tag === null
      ? { Name: 'tag-key', Values: [cloudLabelKey] }
      : { Name: `tag:${cloudLabelKey}`, Values: named };
  const [tags, servers] = await Promise.all([
    allPages(async (token) => {
      const answer = await ec2.send(
        new DescribeTagsCommand({
          Filters: [
            { Name: 'key', Values: [cloudLabelKey] },
            ...(tag === null ? [] : [{ Name: 'value', Values: named }]),
          ],
          ...next(token),
        }),
      );
      return { rows: answer.Tags ?? [], NextToken: answer.NextToken };
    }),
    listings.server(ec2, region, [byTag]),
  ]);
  const ids = new Map<Kind, Set<string>>();
  for (const { ResourceType, ResourceId } of tags) {
    const kind = kinds[ResourceType ?? ''];
    if (kind === undefined || kind === 'server' || ResourceId === undefined) continue;
    ids.set(kind, (ids.get(kind) ?? new Set()).add(ResourceId));
  }
  // What is listed by tags may be gone already.
  const others = await Promise.all(
    [...ids].map(([kind, wanted]) =>
      listings[kind](ec2, region, [{ Name: idFilters[kind], Values: [...wanted] }]),
    ),
  );
  return inOrder([...servers, ...others.flat()]);
}

function inOrder(all: readonly Found[]): Found[] {
  const seen = new Set<string>();
  return [...all]
    .filter(({ id }) => !seen.has(id) && seen.add(id) !== undefined)
    .sort((a, b) => order.indexOf(a.kind as Kind) - order.indexOf(b.kind as Kind));
}

const plain = ({ tag: _, ...resource }: Found): CloudResource => resource;

async function everywhere(
  client: AwsClient,
  credential: OpenCredential,
  tag: string | null,
): Promise<Found[]> {
  const regions = await regionIds(client, credential);
  const all = await inTurns(regions, regionsAtOnce, (region) => taggedIn(client, credential, region, tag));
  return inOrder(all.flat());
}

/** Everything with the tag in every region that is switched on, in the order in which it can be deleted. */
export async function findByTag(
  client: AwsClient,
  credential: OpenCredential,
  tag: string,
): Promise<CloudResource[]> {
  return (await everywhere(client, credential, tag)).map(plain);
}

/** Everything in the account that bears the product's tag, whichever instance it names. */
export async function findTagged(client: AwsClient, credential: OpenCredential): Promise<TaggedResource[]> {
  return (await everywhere(client, credential, null)).flatMap((resource) =>
    resource.tag === null ? [] : [{ ...plain(resource), tag: resource.tag }],
  );
}

/** Asks for each resource by its id, where it is said to be or else everywhere: also finds what lost its tag. */
export async function stillExisting(
  client: AwsClient,
  credential: OpenCredential,
  resources: readonly CloudResource[],
): Promise<(CloudResource & { readonly region: string })[]> {
  if (resources.length === 0) return [];
  const anywhere = resources.some(({ region }) => region === undefined)
    ? await regionIds(client, credential)
    : [];
  const questions = resources.flatMap((resource) =>
    (resource.region === undefined ? anywhere : [resource.region]).map((region) => ({ resource, region })),
  );
  const left = await inTurns(questions, regionsAtOnce, async ({ resource, region }) => {
    const kind = resource.kind as Kind;
    const list = listings[kind];
    if (list === undefined) return [];
    const rows = await list(client.ec2(credential, region), region, [
      { Name: idFilters[kind], Values: [resource.id] },
    ]);
    return rows.some(({ id }) => id === resource.id) ? [{ ...resource, region }] : [];
  });
  return left.flat();
}
