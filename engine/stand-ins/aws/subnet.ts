import type { Resource, Work } from '../protocol/resource.ts';
import { object, objects, type Properties, text } from '../protocol/values.ts';
import { type Ec2, filters, isRefusal, named, one, untilGone, whileRefused } from './client.ts';
import { changeTags, tagSpecification, tagsIn } from './tags.ts';

const minute = 60_000;
const find = (work: Work<Ec2>, id: string) => one(work, 'DescribeSubnets', { SubnetId: [id] }, 'subnetSet');

/** A part of a network in one zone. */
export const subnet: Resource<Ec2> = {
  type: 'aws:ec2/subnet:Subnet',
  defaults: {
    assignIpv6AddressOnCreation: false,
    enableDns64: false,
    enableResourceNameDnsARecordOnLaunch: false,
    enableResourceNameDnsAaaaRecordOnLaunch: false,
    ipv6Native: false,
    mapPublicIpOnLaunch: false,
  },
  computed: [
    'availabilityZone',
    'availabilityZoneId',
    'cidrBlock',
    'ipv6CidrBlock',
    'privateDnsHostnameTypeOnLaunch',
    'region',
  ],
  replaces: [
    'availabilityZone',
    'availabilityZoneId',
    'cidrBlock',
    'ipv4IpamPoolId',
    'ipv6Native',
    'outpostArn',
    'region',
    'vpcId',
  ],

  async create(work, inputs, made) {
    const answer = await named(
      'creating EC2 Subnet',
      work.client.call(
        'CreateSubnet',
        {
          VpcId: text(inputs.vpcId),
          AvailabilityZone: text(inputs.availabilityZone),
          AvailabilityZoneId: text(inputs.availabilityZoneId),
          CidrBlock: text(inputs.cidrBlock),
          Ipv6CidrBlock: text(inputs.ipv6CidrBlock),
          TagSpecification: tagSpecification('subnet', inputs.tags),
        },
        work.signal,
      ),
    );
    const id = text(object(answer.subnet).subnetId);
    made(id, {});
    const found = await named(
      `waiting for EC2 Subnet (${id}) create`,
      work.waiting.poll({
        delayMs: 0,
        everyMs: 1_000,
        limitMs: 10 * minute,
        signal: work.signal,
        pending: ['pending'],
        target: ['available'],
        async ask() {
          const answered = await find(work, id);
          return { value: answered, state: answered && text(answered.state) };
        },
      }),
    );
    await setAttributes(work, id, inputs, attributesOf(found ?? {}));
    const said = await subnet.read(work, id, {});
    if (said) made(id, said);
  },

  async read(work, id) {
    const found = await named(`reading EC2 Subnet (${id})`, find(work, id));
    if (!found) return null;
    const block = objects(found.ipv6CidrBlockAssociationSet).find(
      ({ ipv6CidrBlockState }) => text(object(ipv6CidrBlockState).state) === 'associated',
    );
    const names = object(found.privateDnsNameOptionsOnLaunch);
    return {
      arn: text(found.subnetArn) || `arn:aws:ec2:${work.client.region}:${text(found.ownerId)}:subnet/${id}`,
      ...attributesOf(found),
      availabilityZone: text(found.availabilityZone),
      availabilityZoneId: text(found.availabilityZoneId),
      cidrBlock: text(found.cidrBlock),
      enableResourceNameDnsARecordOnLaunch: text(names.enableResourceNameDnsARecord) === 'true',
      enableResourceNameDnsAaaaRecordOnLaunch: text(names.enableResourceNameDnsAAAARecord) === 'true',
      privateDnsHostnameTypeOnLaunch: text(names.hostnameType),
      ipv6CidrBlock: text(block?.ipv6CidrBlock),
      ipv6CidrBlockAssociationId: text(block?.associationId),
      ipv6Native: text(found.ipv6Native) === 'true',
      ownerId: text(found.ownerId),
      region: work.client.region,
      tags: tagsIn(found),
      tagsAll: tagsIn(found),
      vpcId: text(found.vpcId),
    };
  },

  async update(work, id, { inputs, state, changed }) {
    if (changed.has('ipv6CidrBlock')) {
      const { client, signal } = work;
      if (text(state.ipv6CidrBlockAssociationId) !== '') {
        await client.call(
          'DisassociateSubnetCidrBlock',
          { AssociationId: text(state.ipv6CidrBlockAssociationId) },
          signal,
        );
      }
      if (text(inputs.ipv6CidrBlock) !== '') {
        await client.call(
          'AssociateSubnetCidrBlock',
          { SubnetId: id, Ipv6CidrBlock: text(inputs.ipv6CidrBlock) },
          signal,
        );
      }
    }
    await setAttributes(work, id, inputs, state);
    if (changed.has('tags')) await changeTags(work, id, state.tags, inputs.tags);
    const said = await subnet.read(work, id, state);
    if (!said) throw new Error(`reading EC2 Subnet (${id}): couldn't find resource`);
    return said;
  },

  async delete(work, id) {
    const { client, signal } = work;
    const limitMs = 20 * minute;
    await named(
      `deleting ENIs for EC2 Subnet (${id})`,
      client.call('DescribeNetworkInterfaces', { Filter: filters({ 'subnet-id': id }) }, signal),
    );
    try {
      await whileRefused(work, { codes: ['DependencyViolation'], limitMs }, () =>
        client.call('DeleteSubnet', { SubnetId: id }, signal),
      );
    } catch (error) {
      if (isRefusal(error, 'InvalidSubnetID.NotFound')) return;
      await named(`deleting EC2 Subnet (${id})`, Promise.reject(error));
    }
    await named(
      `waiting for EC2 Subnet (${id}) delete`,
      untilGone(work, limitMs, () => find(work, id)),
    );
  },
};

const changeable = ['mapPublicIpOnLaunch', 'assignIpv6AddressOnCreation', 'enableDns64'] as const;

const attributesOf = (found: Properties): Properties =>
  Object.fromEntries(changeable.map((name) => [name, text(found[name]) === 'true']));

/** EC2 takes one attribute in a call. */
async function setAttributes(
  { client, signal }: Work<Ec2>,
  id: string,
  inputs: Properties,
  state: Properties,
) {
  for (const name of changeable) {
    if ((inputs[name] === true) === (state[name] === true)) continue;
    const parameter = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    await named(
      `modifying EC2 Subnet (${id}) ${parameter}`,
      client.call(
        'ModifySubnetAttribute',
        { SubnetId: id, [parameter]: { Value: inputs[name] === true } },
        signal,
      ),
    );
  }
}
