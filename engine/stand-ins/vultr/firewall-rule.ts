import type { Resource } from '../protocol/resource.ts';
import { object, type Properties, text } from '../protocol/values.ts';
import { found, named, type Vultr } from './client.ts';

const pathOf = (group: string, id = '') => `/v2/firewalls/${group}/rules${id === '' ? '' : `/${id}`}`;

/** One rule of a group; it is never changed, only replaced. Imported as `group,rule`. */
export const firewallRule: Resource<Vultr> = {
  type: 'vultr:index/firewallRule:FirewallRule',
  replaces: ['firewallGroupId', 'ipType', 'notes', 'port', 'protocol', 'source', 'subnet', 'subnetSize'],
  check({ ipType, protocol }) {
    if (!['v4', 'v6'].includes(text(ipType))) {
      return { property: 'ipType', reason: `expected ip_type to be one of ["v4" "v6"], got ${text(ipType)}` };
    }
    if (!['icmp', 'tcp', 'udp', 'gre', 'ah', 'esp'].includes(text(protocol))) {
      const reason = `expected protocol to be one of ["icmp" "tcp" "udp" "gre" "ah" "esp"], got ${text(protocol)}`;
      return { property: 'protocol', reason };
    }
    return undefined;
  },

  async create(work, inputs, made) {
    const group = text(inputs.firewallGroupId);
    const body: Properties = {
      ip_type: text(inputs.ipType),
      protocol: text(inputs.protocol),
      subnet: text(inputs.subnet),
      subnet_size: inputs.subnetSize ?? 0,
    };
    for (const name of ['port', 'source', 'notes'] as const) {
      if (text(inputs[name]) !== '') body[name] = text(inputs[name]);
    }
    const answer = await named(
      'error creating firewall rule ',
      work.client.call('POST', pathOf(group), work.signal, body),
    );
    const id = text(object(answer.firewall_rule).id);
    made(id, {});
    const said = await firewallRule.read(work, id, inputs);
    if (said) made(id, said);
  },

  async read({ client, signal }, id, state) {
    const group = text(state.firewallGroupId);
    const answer = await named(
      `error getting firewall rule ${group}`,
      found(client.call('GET', pathOf(group, id), signal), 'Firewall rule ID not found'),
    );
    if (!answer) return null;
    const rule = object(answer.firewall_rule);
    return {
      firewallGroupId: group,
      ipType: text(rule.ip_type) || text(rule.type),
      protocol: text(rule.protocol),
      subnet: text(rule.subnet),
      subnetSize: rule.subnet_size ?? 0,
      notes: text(rule.notes),
      port: text(rule.port),
      source: text(rule.source),
    };
  },

  async imported(_work, joined) {
    const [group, id] = joined.split(',');
    if (!group || !id) throw new Error('invalid import format, expected "firewallGroupID,firewallRuleID"');
    return { id, state: { firewallGroupId: group } };
  },

  async delete({ client, signal }, id, state) {
    await named(
      `error destroying firewall rule ${id}`,
      client.call('DELETE', pathOf(text(state.firewallGroupId), id), signal),
    );
  },
};
