import { itemsOf, textsOf } from './answers.ts';
import { type AwsParts, askMoto, asResponse, type Call, filtersOf } from './call.ts';

/** What an item must hold for a filter that moto doesn't know. */
const ownFilters: Readonly<Record<string, (item: string, values: readonly string[]) => boolean>> = {
  'egress.ip-permission.ipv6-cidr': (item, values) => {
    const egress = item.slice(item.indexOf('<ipPermissionsEgress>'));
    return textsOf(egress, 'cidrIpv6').some((value) => values.includes(value));
  },
  'ipv6-cidr-block-association.state': (item, values) => {
    const part = /<ipv6CidrBlockAssociationSet>.*?<\/ipv6CidrBlockAssociationSet>/.exec(item)?.[0] ?? '';
    return textsOf(part, 'state').some((value) => values.includes(value));
  },
};

const sets: Readonly<Record<string, string>> = {
  DescribeSecurityGroups: 'securityGroupInfo',
  DescribeSubnets: 'subnetSet',
  DescribeRegions: 'regionInfo',
};

function keepOnly(body: string, set: string, keep: (item: string) => boolean): string {
  return itemsOf(body, set).reduce((rest, item) => (keep(item) ? rest : rest.replace(item, '')), body);
}

/** Groups and subnets, by the filters too that moto doesn't know. */
export async function describeFiltered(parts: AwsParts, call: Call): Promise<Response> {
  const where = { account: call.identity.account, region: call.region };
  const filters = filtersOf(call.params);
  const mine = filters.filter(({ name }) => name in ownFilters);
  if (mine.length === 0) return asResponse(await askMoto(parts, where, call.params));
  const params = new URLSearchParams([...call.params].filter(([name]) => !name.startsWith('Filter.')));
  filters
    .filter(({ name }) => !(name in ownFilters))
    .forEach(({ name, values }, index) => {
      params.set(`Filter.${index + 1}.Name`, name);
      values.forEach((value, at) => {
        params.set(`Filter.${index + 1}.Value.${at + 1}`, value);
      });
    });
  const answer = await askMoto(parts, where, params);
  const keep = (item: string) => mine.every(({ name, values }) => ownFilters[name]?.(item, values) ?? true);
  return asResponse({ ...answer, body: keepOnly(answer.body, sets[call.action] ?? '', keep) });
}

/** The regions of the pretend AWS: few, since moto sets each one up when it is first asked there. */
const regionsOn = ['eu-central-1', 'eu-west-1', 'us-east-1'];
const regionsOff = ['ap-east-1', 'eu-south-2'];

/** Regions that the account hasn't switched on are only told when asked for. */
export async function describeRegions(parts: AwsParts, call: Call): Promise<Response> {
  const where = { account: call.identity.account, region: call.region };
  const answer = await askMoto(parts, where, call.params);
  const told = call.params.get('AllRegions') === 'true' ? [...regionsOn, ...regionsOff] : regionsOn;
  const keep = (item: string) => told.includes(textsOf(item, 'regionName')[0] ?? '');
  return asResponse({ ...answer, body: keepOnly(answer.body, 'regionInfo', keep) });
}

/** A server that never gets going goes on saying `pending`. */
export async function describeInstances(parts: AwsParts, call: Call): Promise<Response> {
  const where = { account: call.identity.account, region: call.region };
  const answer = await askMoto(parts, where, call.params);
  let { body } = answer;
  for (const { id, stuck, endedAt } of parts.state.instances.values()) {
    if (!stuck || endedAt !== null || !body.includes(id)) continue;
    body = body.replace(
      new RegExp(
        `(<instanceId>${id}</instanceId>(?:(?!</?instancesSet>).)*?<instanceState>)<code>16</code><name>running</name>`,
      ),
      '$1<code>0</code><name>pending</name>',
    );
  }
  return asResponse({ ...answer, body });
}
