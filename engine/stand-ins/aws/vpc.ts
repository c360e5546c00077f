import type { Resource, Work } from '../protocol/resource.ts';
import { isZero, object, objects, type Properties, text } from '../protocol/values.ts';
import { type Ec2, filters, isRefusal, named, one, untilGone, whileRefused } from './client.ts';
import { changeTags, tagSpecification, tagsIn } from './tags.ts';

const minute = 60_000;
const amazonPool = 'Amazon';
const attributes = {
  enableDnsHostnames: 'EnableDnsHostnames',
  enableDnsSupport: 'EnableDnsSupport',
  enableNetworkAddressUsageMetrics: 'EnableNetworkAddressUsageMetrics',
} as const;
type Attribute = keyof typeof attributes;
const attributeNames = Object.keys(attributes) as Attribute[];

const find = (work: Work<Ec2>, id: string) => one(work, 'DescribeVpcs', { VpcId: [id] }, 'vpcSet');

/** A network. */
export const vpc: Resource<Ec2> = {
  type: 'aws:ec2/vpc:Vpc',
  defaults: { enableDnsSupport: true, instanceTenancy: 'default' },
  computed: [
    'cidrBlock',
    'enableDnsHostnames',
    'enableNetworkAddressUsageMetrics',
    'ipv6CidrBlock',
    'ipv6CidrBlockNetworkBorderGroup',
    'region',
  ],
  replaces: ['cidrBlock', 'ipv4IpamPoolId', 'ipv4NetmaskLength', 'region'],

  async create(work, inputs, made) {
    const answer = await named(
      'creating EC2 VPC',
      work.client.call(
        'CreateVpc',
        {
          CidrBlock: text(inputs.cidrBlock),
          AmazonProvidedIpv6CidrBlock: inputs.assignGeneratedIpv6CidrBlock === true,
          InstanceTenancy: text(inputs.instanceTenancy),
          TagSpecification: tagSpecification('vpc', inputs.tags),
        },
        work.signal,
      ),
    );
    const id = text(object(answer.vpc).vpcId);
    made(id, {});
    const state = (network: Properties | null) => ({
      value: network,
      state: network && text(network.state),
    });
    const network = await named(
      `waiting for EC2 VPC (${id}) create`,
      work.waiting.poll({
        delayMs: 0,
        everyMs: 1_000,
        limitMs: 10 * minute,
        signal: work.signal,
        pending: ['pending'],
        target: ['available'],
        ask: async () => state(await find(work, id)),
      }),
    );
    if (objects(network?.ipv6CidrBlockAssociationSet).length > 0) {
      await named(
        `waiting for EC2 VPC (${id}) IPv6 CIDR block associated`,
        work.waiting.poll({
          delayMs: 10_000,
          everyMs: 1_000,
          limitMs: 10 * minute,
          signal: work.signal,
          pending: ['associating', 'disassociated', 'failing'],
          target: ['associated'],
          async ask() {
            const block = objects((await find(work, id))?.ipv6CidrBlockAssociationSet)[0];
            return { value: null, state: block ? text(object(block.ipv6CidrBlockState).state) : null };
          },
        }),
      );
    }
    for (const name of attributeNames) {
      const standing = name === 'enableDnsSupport';
      if (!isZero(inputs[name]) !== standing && inputs[name] !== undefined) {
        await setAttribute(work, id, name, inputs[name] === true);
      }
    }
    const said = await vpc.read(work, id, {});
    if (said) made(id, said);
  },

  async read(work, id) {
    const { client, signal } = work;
    const network = await named(`reading EC2 VPC (${id})`, find(work, id));
    if (!network) return null;
    const state: Properties = {
      arn: `arn:aws:ec2:${client.region}:${text(network.ownerId)}:vpc/${id}`,
      cidrBlock: text(network.cidrBlock),
      dhcpOptionsId: text(network.dhcpOptionsId),
      instanceTenancy: text(network.instanceTenancy),
      ownerId: text(network.ownerId),
      region: client.region,
      tags: tagsIn(network),
      tagsAll: tagsIn(network),
    };
    for (const name of attributeNames) {
      const answer = await named(
        `reading EC2 VPC (${id}) Attribute (${name})`,
        client.call('DescribeVpcAttribute', { VpcId: id, Attribute: name }, signal),
      );
      state[name] = text(object(answer[name]).value) === 'true';
    }
    // The official one goes on without what these don't tell.
    const quiet = (answer: Promise<Properties | null>) => answer.catch(() => null);
    const ofVpc = { 'vpc-id': id };
    const acl = await quiet(
      one(work, 'DescribeNetworkAcls', { Filter: filters({ default: 'true', ...ofVpc }) }, 'networkAclSet'),
    );
    const main = { Filter: filters({ 'association.main': 'true', ...ofVpc }) };
    const table = await quiet(one(work, 'DescribeRouteTables', main, 'routeTableSet'));
    const usual = { Filter: filters({ 'group-name': 'default', ...ofVpc }) };
    const group = await quiet(one(work, 'DescribeSecurityGroups', usual, 'securityGroupInfo'));
    const block = objects(network.ipv6CidrBlockAssociationSet).find(
      ({ ipv6CidrBlockState }) => text(object(ipv6CidrBlockState).state) === 'associated',
    );
    return {
      ...state,
      defaultNetworkAclId: text(acl?.networkAclId),
      defaultRouteTableId: text(table?.routeTableId),
      mainRouteTableId: text(table?.routeTableId),
      defaultSecurityGroupId: text(group?.groupId),
      assignGeneratedIpv6CidrBlock:
        block !== undefined && (text(block.ipv6Pool) || amazonPool) === amazonPool,
      ipv6AssociationId: text(block?.associationId),
      ipv6CidrBlock: text(block?.ipv6CidrBlock),
      ipv6CidrBlockNetworkBorderGroup: text(block?.networkBorderGroup),
    };
  },

  async update(work, id, { inputs, state, changed }) {
    for (const name of attributeNames) {
      if (changed.has(name)) await setAttribute(work, id, name, inputs[name] === true);
    }
    if (changed.has('assignGeneratedIpv6CidrBlock')) {
      await named(
        `updating EC2 VPC (${id})`,
        inputs.assignGeneratedIpv6CidrBlock === true
          ? work.client.call(
              'AssociateVpcCidrBlock',
              { VpcId: id, AmazonProvidedIpv6CidrBlock: true },
              work.signal,
            )
          : work.client.call(
              'DisassociateVpcCidrBlock',
              { AssociationId: text(state.ipv6AssociationId) },
              work.signal,
            ),
      );
    }
    if (changed.has('tags')) await changeTags(work, id, state.tags, inputs.tags);
    const said = await vpc.read(work, id, state);
    if (!said) throw new Error(`reading EC2 VPC (${id}): couldn't find resource`);
    return said;
  },

  async delete(work, id) {
    const limitMs = 5 * minute;
    try {
      await whileRefused(work, { codes: ['DependencyViolation'], limitMs }, () =>
        work.client.call('DeleteVpc', { VpcId: id }, work.signal),
      );
    } catch (error) {
      if (isRefusal(error, 'InvalidVpcID.NotFound')) return;
      await named(`deleting EC2 VPC (${id})`, Promise.reject(error));
    }
    await named(
      `waiting for EC2 VPC (${id}) delete`,
      untilGone(work, limitMs, () => find(work, id)),
    );
  },
};

async function setAttribute({ client, signal }: Work<Ec2>, id: string, name: Attribute, value: boolean) {
  await named(
    `modifying ${attributes[name]}`,
    client.call('ModifyVpcAttribute', { VpcId: id, [attributes[name]]: { Value: value } }, signal),
  );
}
