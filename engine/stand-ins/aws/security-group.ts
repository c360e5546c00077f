import type { Resource, Work } from '../protocol/resource.ts';
import { objects, type Properties, text } from '../protocol/values.ts';
import { type Ec2, Ec2Error, filters, isRefusal, named, one, untilGone, whileRefused } from './client.ts';
import { permissionsOf, ruleChanges, rulesIn } from './security-group-rules.ts';
import { changeTags, tagSpecification, tagsIn } from './tags.ts';

const minute = 60_000;
const find = (work: Work<Ec2>, id: string) =>
  one(work, 'DescribeSecurityGroups', { GroupId: [id] }, 'securityGroupInfo');

/** A group whose rules are all in the program: every other one is taken away. */
export const securityGroup: Resource<Ec2> = {
  type: 'aws:ec2/securityGroup:SecurityGroup',
  autoname: 'name',
  defaults: { description: 'Managed by Pulumi', revokeRulesOnDelete: false },
  computed: ['egress', 'ingress', 'namePrefix', 'region', 'vpcId'],
  sets: ['egress', 'ingress'],
  replaces: ['description', 'name', 'namePrefix', 'region', 'vpcId'],

  async create(work, inputs, made) {
    const { client, signal } = work;
    const name = text(inputs.name);
    const answer = await named(
      `creating Security Group (${name})`,
      client.call(
        'CreateSecurityGroup',
        {
          GroupName: name,
          GroupDescription: text(inputs.description),
          VpcId: text(inputs.vpcId),
          TagSpecification: tagSpecification('security-group', inputs.tags),
        },
        signal,
      ),
    );
    const id = text(answer.groupId);
    // Without rules until they are made: what failed is added by the next run.
    made(id, { ingress: [], egress: [] });
    await named(
      `waiting for Security Group (${id}) create`,
      work.waiting.poll({
        delayMs: 0,
        everyMs: 1_000,
        limitMs: 10 * minute,
        signal,
        pending: [],
        target: ['created'],
        ask: async () => ({ value: undefined, state: (await find(work, id)) ? 'created' : null }),
      }),
    );
    await revokeUsual(work, id);
    await changeRules(work, id, { ingress: [], egress: [] }, inputs);
    const said = await securityGroup.read(work, id, inputs);
    if (said) made(id, said);
  },

  async read(work, id, state) {
    const found = await named(`reading Security Group (${id})`, find(work, id));
    if (!found) return null;
    const name = text(found.groupName);
    return {
      arn: `arn:aws:ec2:${work.client.region}:${text(found.ownerId)}:security-group/${id}`,
      description: text(found.groupDescription),
      egress: rulesIn(id, objects(found.ipPermissionsEgress), objects(state.egress)),
      ingress: rulesIn(id, objects(found.ipPermissions), objects(state.ingress)),
      name,
      namePrefix: '',
      ownerId: text(found.ownerId),
      region: work.client.region,
      tags: tagsIn(found),
      tagsAll: tagsIn(found),
      vpcId: text(found.vpcId),
    };
  },

  async update(work, id, { inputs, state, changed }) {
    const wanted = {
      ingress: changed.has('ingress') ? (inputs.ingress ?? []) : (state.ingress ?? []),
      egress: changed.has('egress') ? (inputs.egress ?? []) : (state.egress ?? []),
    };
    if (changed.has('tags')) await changeTags(work, id, state.tags, inputs.tags);
    await changeRules(work, id, state, wanted);
    const said = await securityGroup.read(work, id, { ...state, ...wanted });
    if (!said) throw new Error(`reading Security Group (${id}): couldn't find resource`);
    return said;
  },

  async delete(work, id) {
    const { client, signal } = work;
    const limitMs = work.limitMs ?? 15 * minute;
    await named(
      `deleting ENIs using Security Group (${id})`,
      client.call('DescribeNetworkInterfaces', { Filter: filters({ 'group-id': id }) }, signal),
    );
    try {
      await whileRefused(work, { codes: ['DependencyViolation', 'InvalidGroup.InUse'], limitMs }, () =>
        client.call('DeleteSecurityGroup', { GroupId: id }, signal),
      );
    } catch (error) {
      if (isRefusal(error, 'InvalidGroup.NotFound')) return;
      await named(`deleting Security Group (${id})`, Promise.reject(error));
    }
    await named(
      `waiting for Security Group (${id}) delete`,
      untilGone(work, 2 * minute, () => find(work, id)),
    );
  },
};

/** EC2 gives every new group a rule that lets everything out. */
async function revokeUsual({ client, signal }: Work<Ec2>, id: string): Promise<void> {
  const everything = { IpProtocol: '-1', FromPort: 0, ToPort: 0 };
  const revoke = (peers: Properties) =>
    client.call(
      'RevokeSecurityGroupEgress',
      { GroupId: id, IpPermissions: [{ ...everything, ...peers }] },
      signal,
    );
  await named(
    `revoking default IPv4 egress rule for Security Group (${id})`,
    revoke({ IpRanges: [{ CidrIp: '0.0.0.0/0' }] }),
  );
  try {
    await revoke({ Ipv6Ranges: [{ CidrIpv6: '::/0' }] });
  } catch (error) {
    // A network without IPv6 has no such rule.
    if (isRefusal(error, 'InvalidPermission.NotFound')) return;
    if (error instanceof Ec2Error && error.message.includes('remote-ipv6-range')) return;
    await named(`revoking default IPv6 egress rule for Security Group (${id})`, Promise.reject(error));
  }
}

async function changeRules(
  work: Work<Ec2>,
  id: string,
  before: Readonly<Properties>,
  after: Readonly<Properties>,
): Promise<void> {
  const { client, signal } = work;
  const current = await named(`reading Security Group (${id})`, find(work, id));
  if (!current) throw new Error(`reading Security Group (${id}): couldn't find resource`);
  for (const [name, direction] of [
    ['ingress', 'Ingress'],
    ['egress', 'Egress'],
  ] as const) {
    const { removed, added } = ruleChanges(objects(before[name]), objects(after[name]));
    const words = `updating Security Group (${id}) ${name} rules`;
    const change = (verb: 'Revoke' | 'Authorize', rules: readonly Properties[]) =>
      named(
        `${words}: ${verb === 'Revoke' ? 'revoking' : 'authorizing'} Security Group (${name}) rules`,
        client.call(
          `${verb}SecurityGroup${direction}`,
          { GroupId: id, IpPermissions: permissionsOf(id, rules) },
          signal,
        ),
      );
    if (removed.length > 0) await change('Revoke', removed);
    if (added.length > 0) await change('Authorize', added);
  }
}
