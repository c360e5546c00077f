import type { Resource } from '../protocol/resource.ts';
import { object, type Properties, text } from '../protocol/values.ts';
import { found, named, type Vultr } from './client.ts';

const pathOf = (id: string) => `/v2/firewalls/${id}`;

/** A group of rules that servers are put in. It bears no tag: its description is all there is to find it by. */
export const firewallGroup: Resource<Vultr> = {
  type: 'vultr:index/firewallGroup:FirewallGroup',

  async create(work, inputs, made) {
    const answer = await named(
      'error creating firewall group',
      work.client.call('POST', '/v2/firewalls', work.signal, { description: text(inputs.description) }),
    );
    const id = text(object(answer.firewall_group).id);
    made(id, {});
    const said = await firewallGroup.read(work, id, {});
    if (said) made(id, said);
  },

  async read({ client, signal }, id) {
    const answer = await named(
      `error getting firewall group ${id} `,
      found(client.call('GET', pathOf(id), signal), '"status":404'),
    );
    return answer && stateOf(object(answer.firewall_group));
  },

  async update(work, id, { inputs }) {
    await named(
      `error updating firewall group ${id} `,
      work.client.call('PUT', pathOf(id), work.signal, { description: text(inputs.description) }),
    );
    const said = await firewallGroup.read(work, id, {});
    if (!said) throw new Error(`error getting firewall group ${id} : it is gone`);
    return said;
  },

  async delete({ client, signal }, id) {
    await named(`error destroying firewall group ${id}`, client.call('DELETE', pathOf(id), signal));
  },
};

function stateOf(group: Properties): Properties {
  return {
    description: text(group.description),
    dateCreated: text(group.date_created),
    dateModified: text(group.date_modified),
    instanceCount: group.instance_count ?? 0,
    ruleCount: group.rule_count ?? 0,
    maxRuleCount: group.max_rule_count ?? 0,
  };
}
