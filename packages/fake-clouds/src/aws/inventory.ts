import { itemsOf, textsOf } from './answers.ts';
import { type AwsParts, askMoto, ec2Params } from './call.ts';
import { placesOf } from './state.ts';

export interface Found {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  readonly tag: string | null;
  readonly power?: 'running' | 'stopped' | 'changing';
  readonly publicIpv4?: boolean;
  readonly inboundRules?: number;
}

interface Listing {
  readonly kind: string;
  readonly action: string;
  readonly set: string;
  readonly id: string;
  /** What an account has without having made it. */
  readonly isGiven?: (item: string) => boolean;
}

const given = (name: string) => (item: string) => textsOf(item, name).includes('true');

const listings: readonly Listing[] = [
  { kind: 'volume', action: 'DescribeVolumes', set: 'volumeSet', id: 'volumeId' },
  {
    kind: 'network_interface',
    action: 'DescribeNetworkInterfaces',
    set: 'networkInterfaceSet',
    id: 'networkInterfaceId',
  },
  {
    kind: 'firewall',
    action: 'DescribeSecurityGroups',
    set: 'securityGroupInfo',
    id: 'groupId',
    isGiven: (item) => /<groupName>default<\/groupName>/.test(item),
  },
  { kind: 'network', action: 'DescribeVpcs', set: 'vpcSet', id: 'vpcId', isGiven: given('isDefault') },
  {
    kind: 'subnet',
    action: 'DescribeSubnets',
    set: 'subnetSet',
    id: 'subnetId',
    // moto calls the first subnet of any network a default one.
    isGiven: (item) => given('defaultForAz')(item) && itemsOf(item, 'tagSet').length === 0,
  },
  {
    kind: 'gateway',
    action: 'DescribeInternetGateways',
    set: 'internetGatewaySet',
    id: 'internetGatewayId',
  },
  {
    kind: 'route_table',
    action: 'DescribeRouteTables',
    set: 'routeTableSet',
    id: 'routeTableId',
    isGiven: given('main'),
  },
];

const tagsOf = (item: string): Record<string, string> =>
  Object.fromEntries(
    itemsOf(item, 'tagSet').map((tag) => [textsOf(tag, 'key')[0] ?? '', textsOf(tag, 'value')[0] ?? '']),
  );

const powers: Readonly<Record<string, Found['power']>> = { running: 'running', stopped: 'stopped' };

/** The servers of all accounts, in the regions in which anything was ever made. */
export async function listServers(parts: AwsParts, tagKey: string): Promise<Found[]> {
  const found = await Promise.all(
    placesOf(parts.state).map(async (place) => {
      const { body } = await askMoto(parts, place, ec2Params('DescribeInstances'));
      return itemsOf(body, 'reservationSet').flatMap((reservation) =>
        itemsOf(reservation, 'instancesSet').flatMap((item) => serverOf(parts, tagKey, item)),
      );
    }),
  );
  return found.flat();
}

function serverOf(parts: AwsParts, tagKey: string, item: string): Found[] {
  const state = /<instanceState><code>\d+<\/code><name>([a-z-]+)</.exec(item)?.[1] ?? '';
  if (state === 'terminated') return [];
  const id = textsOf(item, 'instanceId')[0] ?? '';
  const stuck = parts.state.instances.get(id)?.stuck ?? false;
  return [
    {
      kind: 'server',
      ...named(item, tagKey),
      id,
      power: stuck ? 'changing' : (powers[state] ?? 'changing'),
      publicIpv4: textsOf(item, 'publicIp').length > 0,
    },
  ];
}

/** All that owners have made in any account. Servers first. */
export async function listAll(parts: AwsParts, tagKey: string): Promise<Found[]> {
  const others = Promise.all(
    placesOf(parts.state).flatMap((place) =>
      listings.map(async ({ kind, action, set, id, isGiven }) => {
        const answer = await askMoto(parts, place, ec2Params(action));
        return itemsOf(answer.body, set).flatMap((item) =>
          isGiven?.(item)
            ? []
            : [
                {
                  kind,
                  ...named(item, tagKey),
                  id: textsOf(item, id)[0] ?? '',
                  ...(kind === 'firewall' ? { inboundRules: itemsOf(item, 'ipPermissions').length } : {}),
                },
              ],
        );
      }),
    ),
  );
  const [servers, rest] = await Promise.all([listServers(parts, tagKey), others]);
  return [...servers, ...rest.flat()];
}

function named(item: string, tagKey: string) {
  const tags = tagsOf(item);
  return { name: tags.Name ?? textsOf(item, 'groupName')[0] ?? '', tag: tags[tagKey] ?? null };
}
