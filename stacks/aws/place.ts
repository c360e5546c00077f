import * as aws from '@pulumi/aws';
import type { StackInput } from '../stack.ts';

/**
 * Where a server goes. All that this asks the cloud: ec2.getVpcs, getSubnets, getSecurityGroups, getRouteTables,
 * getInternetGateway and getInstanceTypeOfferings.
 */
export type Place = {
  /** The first group of an instance has its name; one after a half-made one has a number behind it. */
  readonly group: { readonly name: string; readonly adopt?: string };
  readonly ipv6: boolean;
} & (
  | { readonly kind: 'default'; readonly vpcId: string; readonly subnetId?: string }
  | {
      readonly kind: 'own';
      readonly zone: string;
      readonly adopt: { network?: string; subnet?: string; gateway?: string; routeTable?: string };
    }
);

const filter = (name: string, ...values: string[]) => ({ name, values });

/**
 * Decides between the default network and one of its own, the same way in every later run: what stands decides first.
 * Of what an interrupted attempt left, only what is complete is taken over; the engine takes over nothing that differs
 * from its program, and a destroy clears the rest by its tag.
 */
export async function findPlace(input: StackInput, cloud: aws.Provider): Promise<Place> {
  const opts = { provider: cloud };
  const tagged = filter(`tag:${input.labelKey}`, input.tag);
  const [own, groups, offerings] = await Promise.all([
    aws.ec2.getVpcs({ filters: [tagged] }, opts),
    aws.ec2.getSecurityGroups({ filters: [tagged] }, opts),
    aws.ec2.getInstanceTypeOfferings(
      { filters: [filter('instance-type', input.size)], locationType: 'availability-zone' },
      opts,
    ),
  ]);
  const zones = [...new Set(offerings.locations)].sort();
  const adopting = Object.keys(input.adopt ?? {}).length > 0;
  const complete = adopting ? await completeGroups(tagged, opts) : [];
  const takenOver = complete.find(({ id }) => id === input.adopt?.firewall) ?? complete[0];
  const group = {
    name: groups.ids.length === 0 || !adopting ? input.name : `${input.name}-${groups.ids.length + 1}`,
    ...(takenOver === undefined ? {} : { adopt: takenOver.id }),
  };

  if (own.ids.length === 0) {
    const standing = takenOver?.vpcId ?? groups.vpcIds[0];
    const found = await defaultPlace(zones, standing, opts);
    if (found) return { kind: 'default', group, ...found };
  }
  const network = own.ids.includes(takenOver?.vpcId ?? '') ? takenOver?.vpcId : input.adopt?.network;
  return {
    kind: 'own',
    group,
    ipv6: true,
    zone: zones[0] ?? `${input.region}a`,
    adopt: network === undefined ? {} : await partsOf(network, input, opts),
  };
}

/** Groups whose outbound rules stand: they are made last. */
async function completeGroups(tagged: ReturnType<typeof filter>, opts: { provider: aws.Provider }) {
  const { ids, vpcIds } = await aws.ec2.getSecurityGroups(
    {
      filters: [
        tagged,
        filter('egress.ip-permission.cidr', '0.0.0.0/0'),
        filter('egress.ip-permission.ipv6-cidr', '::/0'),
      ],
    },
    opts,
  );
  return ids
    .map((id, index) => ({ id, vpcId: vpcIds[index] ?? '' }))
    .sort((a, b) => a.id.localeCompare(b.id));
}

async function defaultPlace(
  zones: readonly string[],
  standing: string | undefined,
  opts: { provider: aws.Provider },
) {
  const vpcId = standing ?? (await aws.ec2.getVpcs({ filters: [filter('is-default', 'true')] }, opts)).ids[0];
  if (vpcId === undefined) return null;
  const offered = [
    filter('vpc-id', vpcId),
    filter('default-for-az', 'true'),
    filter('availability-zone', ...zones),
  ];
  const [all, sixes] = await Promise.all([
    aws.ec2.getSubnets({ filters: offered }, opts),
    aws.ec2.getSubnets(
      { filters: [...offered, filter('ipv6-cidr-block-association.state', 'associated')] },
      opts,
    ),
  ]);
  const subnetId = [...sixes.ids].sort()[0] ?? [...all.ids].sort()[0];
  // A group that stands holds the server here even when its zone no longer offers the size.
  if (subnetId === undefined) return standing === undefined ? null : { vpcId, ipv6: false };
  return { vpcId, subnetId, ipv6: sixes.ids.length > 0 };
}

/** What of a network of its own is complete: a subnet is at once, a gateway when attached, a table when it routes. */
async function partsOf(network: string, input: StackInput, opts: { provider: aws.Provider }) {
  const { subnet, gateway, route_table: routeTable } = input.adopt ?? {};
  const attached =
    gateway !== undefined &&
    (await aws.ec2.getInternetGateway({ internetGatewayId: gateway }, opts)).attachments.some(
      ({ vpcId }) => vpcId === network,
    );
  const routed =
    subnet !== undefined &&
    routeTable !== undefined &&
    (
      await aws.ec2.getRouteTables(
        {
          filters: [filter('route-table-id', routeTable), filter('association.subnet-id', subnet)],
        },
        opts,
      )
    ).ids.length > 0;
  return {
    network,
    ...(subnet === undefined ? {} : { subnet }),
    ...(attached && gateway !== undefined ? { gateway } : {}),
    ...(routed && routeTable !== undefined ? { routeTable } : {}),
  };
}
