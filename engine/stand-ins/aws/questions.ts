import type { Question } from '../protocol/resource.ts';
import { object, objects, type Properties, text, texts, type Value } from '../protocol/values.ts';
import { type Ec2, named } from './client.ts';
import { tagsIn } from './tags.ts';

/** A program's filters and tags as EC2's filters. */
function filtersOf(inputs: Properties, more: Properties = {}): Value {
  return [
    ...objects(inputs.filters).map(({ name, values }) => ({ Name: text(name), Value: texts(values) })),
    ...Object.entries({ ...more }).map(([Name, value]) => ({ Name, Value: [text(value)] })),
    ...Object.entries(object(inputs.tags)).map(([key, value]) => ({
      Name: `tag:${key}`,
      Value: [text(value)],
    })),
  ];
}

/** A question that lists the ids of one kind of thing. */
function listing(
  token: string,
  action: string,
  set: string,
  idField: string,
  more: (found: Properties[]) => Properties = () => ({}),
): Question<Ec2> {
  return {
    token,
    async answer({ client, signal }, inputs) {
      const vpc = text(inputs.vpcId) === '' ? {} : { 'vpc-id': text(inputs.vpcId) };
      const Filter = filtersOf(inputs, vpc);
      const found = await named(`${action}`, client.all(action, { Filter }, set, signal));
      return {
        ...inputs,
        id: client.region,
        ids: found.map((entry) => text(entry[idField])),
        region: client.region,
        tags: object(inputs.tags),
        ...more(found),
      };
    },
  };
}

export const questions: readonly Question<Ec2>[] = [
  listing('aws:ec2/getVpcs:getVpcs', 'DescribeVpcs', 'vpcSet', 'vpcId'),
  listing('aws:ec2/getSubnets:getSubnets', 'DescribeSubnets', 'subnetSet', 'subnetId'),
  listing('aws:ec2/getRouteTables:getRouteTables', 'DescribeRouteTables', 'routeTableSet', 'routeTableId'),
  listing(
    'aws:ec2/getSecurityGroups:getSecurityGroups',
    'DescribeSecurityGroups',
    'securityGroupInfo',
    'groupId',
    (found) => ({
      arns: found.map(
        ({ groupId, ownerId }) => `arn:aws:ec2::${text(ownerId)}:security-group/${text(groupId)}`,
      ),
      vpcIds: found.map(({ vpcId }) => text(vpcId)),
    }),
  ),
  {
    token: 'aws:ec2/getInternetGateway:getInternetGateway',
    async answer({ client, signal }, inputs) {
      const id = text(inputs.internetGatewayId);
      const Filter = filtersOf(inputs, id === '' ? {} : { 'internet-gateway-id': id });
      const found = await named(
        'reading EC2 Internet Gateway',
        client.all('DescribeInternetGateways', { Filter }, 'internetGatewaySet', signal),
      );
      const [gateway] = found;
      if (!gateway) throw new Error('no matching EC2 Internet Gateway found');
      if (found.length > 1) {
        throw new Error(
          'multiple EC2 Internet Gateways matched; use additional constraints to reduce matches to a single EC2 Internet Gateway',
        );
      }
      const own = text(gateway.internetGatewayId);
      return {
        ...inputs,
        arn: `arn:aws:ec2:${client.region}:${text(gateway.ownerId)}:internet-gateway/${own}`,
        attachments: objects(gateway.attachmentSet).map(({ state, vpcId }) => ({
          state: text(state),
          vpcId: text(vpcId),
        })),
        id: own,
        internetGatewayId: own,
        ownerId: text(gateway.ownerId),
        region: client.region,
        tags: tagsIn(gateway),
      };
    },
  },
  {
    token: 'aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings',
    async answer({ client, signal }, inputs) {
      const params = { LocationType: text(inputs.locationType), Filter: filtersOf(inputs) };
      const found = await named(
        'reading EC2 Instance Type Offerings',
        client.all('DescribeInstanceTypeOfferings', params, 'instanceTypeOfferingSet', signal),
      );
      return {
        ...inputs,
        id: client.region,
        instanceTypes: found.map(({ instanceType }) => text(instanceType)),
        locations: found.map(({ location }) => text(location)),
        locationTypes: found.map(({ locationType }) => text(locationType)),
        region: client.region,
      };
    },
  },
];
