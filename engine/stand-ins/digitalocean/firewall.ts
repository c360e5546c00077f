import type { Resource } from '../protocol/resource.ts';
import { isZero, object, objects, type Properties, text, texts } from '../protocol/values.ts';
import { type DigitalOcean, found, named } from './client.ts';

/** Where traffic comes from, or goes to: the names differ by the direction alone. */
type Direction = 'source' | 'destination';
const rulesOf = { source: 'inboundRules', destination: 'outboundRules' } as const;

/** A cloud firewall, which holds only droplets that it names or whose tags it names. */
export const firewall: Resource<DigitalOcean> = {
  type: 'digitalocean:index/firewall:Firewall',
  autoname: 'name',
  sets: ['dropletIds', 'inboundRules', 'outboundRules', 'tags'],

  check(inputs) {
    if (isZero(inputs.inboundRules) && isZero(inputs.outboundRules)) {
      return { property: 'inboundRules', reason: 'At least one rule must be specified' };
    }
    for (const [property, words] of [
      ['inboundRules', 'inbound'],
      ['outboundRules', 'outbound'],
    ] as const) {
      const lacking = objects(inputs[property]).some(
        ({ protocol, portRange }) => protocol !== 'icmp' && isZero(portRange),
      );
      if (lacking) {
        const reason = `\`port_range\` of ${words} rules is required if protocol is \`tcp\` or \`udp\``;
        return { property, reason };
      }
    }
    return undefined;
  },

  async create(work, inputs, made) {
    const answer = await named(
      'Error creating firewall',
      work.client.call('POST', '/v2/firewalls', work.signal, requestOf(inputs)),
    );
    const id = text(object(answer.firewall).id);
    made(id, {});
    const said = await firewall.read(work, id, {});
    if (!said) throw new Error(`Error retrieving firewall: ${id} is gone`);
    made(id, said);
  },

  async read({ client, signal }, id) {
    const answer = await named(
      'Error retrieving firewall',
      found(client.call('GET', `/v2/firewalls/${id}`, signal)),
    );
    return answer && stateOf(object(answer.firewall));
  },

  async update(work, id, { inputs }) {
    await named(
      'Error updating firewall',
      work.client.call('PUT', `/v2/firewalls/${id}`, work.signal, requestOf(inputs)),
    );
    const said = await firewall.read(work, id, {});
    if (!said) throw new Error(`Error retrieving firewall: ${id} is gone`);
    return said;
  },

  async delete({ client, signal }, id) {
    // A firewall that is gone already is an error here, as in the official one: it looks for words godo doesn't say.
    await named('Error deleting firewall', client.call('DELETE', `/v2/firewalls/${id}`, signal));
  },
};

function requestOf(inputs: Properties): Properties {
  const rules = (direction: Direction) => {
    const given = objects(inputs[rulesOf[direction]]);
    return given.length === 0 ? null : given.map((rule) => ruleRequest(rule, direction));
  };
  const droplets = inputs.dropletIds;
  return {
    name: text(inputs.name),
    inbound_rules: rules('source'),
    outbound_rules: rules('destination'),
    droplet_ids: Array.isArray(droplets) && droplets.length > 0 ? droplets.map(Number) : null,
    tags: texts(inputs.tags),
  };
}

function ruleRequest(rule: Properties, direction: Direction): Properties {
  const peers: Properties = {};
  const put = (name: string, value: Properties[string] | undefined) => {
    if (!isZero(value)) peers[name] = value ?? null;
  };
  put('addresses', rule[`${direction}Addresses`]);
  put('tags', rule[`${direction}Tags`]);
  put('droplet_ids', rule[`${direction}DropletIds`]);
  put('load_balancer_uids', rule[`${direction}LoadBalancerUids`]);
  put('kubernetes_ids', rule[`${direction}KubernetesIds`]);
  return {
    protocol: text(rule.protocol),
    ...(isZero(rule.portRange) ? {} : { ports: text(rule.portRange) }),
    [direction === 'source' ? 'sources' : 'destinations']: peers,
  };
}

function stateOf(wall: Properties): Properties {
  return {
    name: text(wall.name),
    status: text(wall.status),
    createdAt: text(wall.created_at),
    dropletIds: wall.droplet_ids ?? [],
    tags: texts(wall.tags),
    pendingChanges: objects(wall.pending_changes).map((change) => ({
      dropletId: change.droplet_id ?? 0,
      removing: change.removing === true,
      status: text(change.status),
    })),
    inboundRules: objects(wall.inbound_rules).map((rule) => ruleState(rule, 'source')),
    outboundRules: objects(wall.outbound_rules).map((rule) => ruleState(rule, 'destination')),
  };
}

function ruleState(rule: Properties, direction: Direction): Properties {
  const peers = object(rule[direction === 'source' ? 'sources' : 'destinations']);
  const ports = text(rule.ports);
  // The API answers 0 for "all" and, with ICMP, for none.
  const portRange = ports === '0' ? (rule.protocol === 'icmp' ? '' : 'all') : ports;
  const state: Properties = { protocol: text(rule.protocol) };
  const put = (name: string, value: Properties[string] | undefined) => {
    if (!isZero(value)) state[name] = value ?? null;
  };
  put('portRange', portRange);
  put(`${direction}Addresses`, peers.addresses);
  put(`${direction}Tags`, peers.tags);
  put(`${direction}DropletIds`, peers.droplet_ids);
  put(`${direction}LoadBalancerUids`, peers.load_balancer_uids);
  put(`${direction}KubernetesIds`, peers.kubernetes_ids);
  return state;
}
