import type { Resource, Work } from '../protocol/resource.ts';
import { object, objects, type Properties, text } from '../protocol/values.ts';
import { type Ec2, isRefusal, named, one, untilGone } from './client.ts';
import { disassociate } from './route-table-association.ts';
import { changeTags, tagSpecification, tagsIn } from './tags.ts';

const minute = 60_000;
const find = (work: Work<Ec2>, id: string) =>
  one(work, 'DescribeRouteTables', { RouteTableId: [id] }, 'routeTableSet');

/** The names of a route's parts in a program, in a request and in an answer. */
const destinations = {
  cidrBlock: ['DestinationCidrBlock', 'destinationCidrBlock'],
  ipv6CidrBlock: ['DestinationIpv6CidrBlock', 'destinationIpv6CidrBlock'],
  destinationPrefixListId: ['DestinationPrefixListId', 'destinationPrefixListId'],
} as const;
const targets = {
  carrierGatewayId: ['CarrierGatewayId', 'carrierGatewayId'],
  egressOnlyGatewayId: ['EgressOnlyInternetGatewayId', 'egressOnlyInternetGatewayId'],
  gatewayId: ['GatewayId', 'gatewayId'],
  localGatewayId: ['LocalGatewayId', 'localGatewayId'],
  natGatewayId: ['NatGatewayId', 'natGatewayId'],
  networkInterfaceId: ['NetworkInterfaceId', 'networkInterfaceId'],
  transitGatewayId: ['TransitGatewayId', 'transitGatewayId'],
  vpcPeeringConnectionId: ['VpcPeeringConnectionId', 'vpcPeeringConnectionId'],
} as const;

/** Where a network's traffic goes. Its routes are all in the program; the local one is always there. */
export const routeTable: Resource<Ec2> = {
  type: 'aws:ec2/routeTable:RouteTable',
  computed: ['propagatingVgws', 'region', 'routes'],
  sets: ['propagatingVgws', 'routes'],
  replaces: ['region', 'vpcId'],

  async create(work, inputs, made) {
    const answer = await named(
      'creating Route Table',
      work.client.call(
        'CreateRouteTable',
        { VpcId: text(inputs.vpcId), TagSpecification: tagSpecification('route-table', inputs.tags) },
        work.signal,
      ),
    );
    const id = text(object(answer.routeTable).routeTableId);
    // Without routes until they are made: what failed is added by the next run.
    made(id, { routes: [] });
    await untilReady(work, id);
    for (const route of objects(inputs.routes)) await addRoute(work, id, route);
    const said = await routeTable.read(work, id, {});
    if (said) made(id, said);
  },

  async read(work, id) {
    const found = await named(`reading Route Table (${id})`, find(work, id));
    return (
      found && {
        arn: `arn:aws:ec2:${work.client.region}:${text(found.ownerId)}:route-table/${id}`,
        ownerId: text(found.ownerId),
        propagatingVgws: objects(found.propagatingVgwSet).map(({ gatewayId }) => text(gatewayId)),
        region: work.client.region,
        routes: objects(found.routeSet)
          .filter(({ gatewayId, origin }) => gatewayId !== 'local' && origin !== 'EnableVgwRoutePropagation')
          .map(routeState),
        tags: tagsIn(found),
        tagsAll: tagsIn(found),
        vpcId: text(found.vpcId),
      }
    );
  },

  async update(work, id, { inputs, state, changed }) {
    const { client, signal } = work;
    if (changed.has('routes')) {
      const [before, after] = [objects(state.routes), objects(inputs.routes)];
      for (const route of after) {
        const old = before.find((entry) => destinationOf(entry) === destinationOf(route));
        if (!old) await addRoute(work, id, route);
        else if (targetOf(old) !== targetOf(route)) {
          await named(
            `updating Route in Route Table (${id}) with destination (${destinationOf(route)})`,
            client.call('ReplaceRoute', { RouteTableId: id, ...routeRequest(route) }, signal),
          );
        }
      }
      for (const route of before) {
        if (after.some((entry) => destinationOf(entry) === destinationOf(route))) continue;
        const { DestinationCidrBlock, DestinationIpv6CidrBlock } = routeRequest(route);
        const params = { RouteTableId: id, DestinationCidrBlock, DestinationIpv6CidrBlock };
        await client.call('DeleteRoute', present(params), signal).catch((error: unknown) => {
          if (!isRefusal(error, 'InvalidRoute.NotFound')) throw error;
        });
      }
    }
    if (changed.has('tags')) await changeTags(work, id, state.tags, inputs.tags);
    const said = await routeTable.read(work, id, state);
    if (!said) throw new Error(`reading Route Table (${id}): couldn't find resource`);
    return said;
  },

  async delete(work, id) {
    const found = await named(`reading Route Table (${id})`, find(work, id));
    if (!found) throw new Error(`reading Route Table (${id}): couldn't find resource`);
    for (const { routeTableAssociationId } of objects(found.associationSet)) {
      await named(`deleting Route Table (${id})`, disassociate(work, text(routeTableAssociationId)));
    }
    try {
      await work.client.call('DeleteRouteTable', { RouteTableId: id }, work.signal);
    } catch (error) {
      if (isRefusal(error, 'InvalidRouteTableID.NotFound')) return;
      await named(`deleting Route Table (${id})`, Promise.reject(error));
    }
    await named(
      `waiting for Route Table (${id}) delete`,
      untilGone(work, 5 * minute, () => find(work, id)),
    );
  },
};

async function untilReady(work: Work<Ec2>, id: string): Promise<void> {
  await named(
    `waiting for Route Table (${id}) create`,
    work.waiting.poll({
      delayMs: 0,
      everyMs: 1_000,
      limitMs: 5 * minute,
      signal: work.signal,
      pending: [],
      target: ['ready'],
      ask: async () => ({ value: undefined, state: (await find(work, id)) ? 'ready' : null }),
    }),
  );
}

async function addRoute(work: Work<Ec2>, id: string, route: Properties): Promise<void> {
  const where = `Route in Route Table (${id}) with destination (${destinationOf(route)})`;
  await named(
    `creating ${where}`,
    work.client.call('CreateRoute', { RouteTableId: id, ...routeRequest(route) }, work.signal),
  );
  await named(
    `waiting for ${where} create`,
    work.waiting.poll({
      delayMs: 0,
      everyMs: 1_000,
      limitMs: 5 * minute,
      signal: work.signal,
      pending: [],
      target: ['ready'],
      async ask() {
        const routes = objects((await find(work, id))?.routeSet).map(routeState);
        const there = routes.some((entry) => destinationOf(entry) === destinationOf(route));
        return { value: undefined, state: there ? 'ready' : null };
      },
    }),
  );
}

const present = (params: Readonly<Record<string, Properties[string] | undefined>>): Properties =>
  Object.fromEntries(Object.entries(params).map(([name, value]) => [name, value ?? null]));

function firstOf(route: Properties, names: object): string {
  return (
    Object.keys(names)
      .map((name) => text(route[name]))
      .find((value) => value !== '') ?? ''
  );
}
const destinationOf = (route: Properties) => firstOf(route, destinations);
const targetOf = (route: Properties) => firstOf(route, targets);

function routeRequest(route: Properties): Properties {
  const request: Properties = {};
  for (const [name, [parameter]] of Object.entries({ ...destinations, ...targets })) {
    if (text(route[name]) !== '') request[parameter] = text(route[name]);
  }
  return request;
}

function routeState(answer: Properties): Properties {
  const state: Properties = {};
  for (const [name, [, field]] of Object.entries({ ...destinations, ...targets })) {
    if (text(answer[field]) !== '') state[name] = text(answer[field]);
  }
  return state;
}
