import { ec2Refusal, itemsOf, textsOf } from './answers.ts';
import { type AwsParts, askMoto, asResponse, type Call, ec2Params } from './call.ts';
import type { InstanceRecord } from './state.ts';

/** A server holds what it has until it is terminated, and a moment beyond. */
function holding(parts: AwsParts, call: Call, holds: (record: InstanceRecord) => boolean): boolean {
  const now = parts.now().getTime();
  return [...parts.state.instances.values()].some(
    (record) =>
      record.account === call.identity.account &&
      record.region === call.region &&
      (record.endedAt === null || now - record.endedAt.getTime() < parts.actionMs) &&
      holds(record),
  );
}

const inUse = (what: string, id: string): Response =>
  ec2Refusal({
    status: 400,
    code: 'DependencyViolation',
    message: `${what} ${id} has a dependent object`,
  });

/** DeleteSecurityGroup, refused while a server or an interface is in the group. */
export async function deleteSecurityGroup(parts: AwsParts, call: Call): Promise<Response> {
  const where = { account: call.identity.account, region: call.region };
  const id = call.params.get('GroupId') ?? '';
  const interfaces = await askMoto(
    parts,
    where,
    ec2Params('DescribeNetworkInterfaces', { 'Filter.1.Name': 'group-id', 'Filter.1.Value.1': id }),
  );
  const used =
    holding(parts, call, ({ groupIds }) => groupIds.includes(id)) ||
    itemsOf(interfaces.body, 'networkInterfaceSet').length > 0;
  return used ? inUse('resource', id) : asResponse(await askMoto(parts, where, call.params));
}

/** DeleteSubnet, refused while a server is in it. */
export async function deleteSubnet(parts: AwsParts, call: Call): Promise<Response> {
  const id = call.params.get('SubnetId') ?? '';
  if (holding(parts, call, ({ subnetId }) => subnetId === id))
    return inUse(`The subnet '${id}'`, 'has dependencies and cannot be deleted. It');
  return asResponse(
    await askMoto(parts, { account: call.identity.account, region: call.region }, call.params),
  );
}

/** DetachInternetGateway, refused while a server behind it has a public address. */
export async function detachInternetGateway(parts: AwsParts, call: Call): Promise<Response> {
  const where = { account: call.identity.account, region: call.region };
  const vpc = call.params.get('VpcId') ?? '';
  const subnets = await idsIn(parts, where, vpc, 'DescribeSubnets', 'subnetSet', 'subnetId');
  if (holding(parts, call, ({ subnetId }) => subnets.includes(subnetId))) {
    return ec2Refusal({
      status: 400,
      code: 'DependencyViolation',
      message: `Network ${vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.`,
    });
  }
  return asResponse(await askMoto(parts, where, call.params));
}

async function idsIn(
  parts: AwsParts,
  where: { account: string; region: string },
  vpc: string,
  action: string,
  set: string,
  field: string,
  filter = 'vpc-id',
): Promise<string[]> {
  const answer = await askMoto(
    parts,
    where,
    ec2Params(action, { 'Filter.1.Name': filter, 'Filter.1.Value.1': vpc }),
  );
  return itemsOf(answer.body, set).map((item) => textsOf(item, field)[0] ?? '');
}

/** DeleteVpc, refused while anything but what comes with it is in it. */
export async function deleteVpc(parts: AwsParts, call: Call): Promise<Response> {
  const where = { account: call.identity.account, region: call.region };
  const vpc = call.params.get('VpcId') ?? '';
  const [subnets, gateways, groups, tables] = await Promise.all([
    idsIn(parts, where, vpc, 'DescribeSubnets', 'subnetSet', 'subnetId'),
    idsIn(
      parts,
      where,
      vpc,
      'DescribeInternetGateways',
      'internetGatewaySet',
      'internetGatewayId',
      'attachment.vpc-id',
    ),
    idsIn(parts, where, vpc, 'DescribeSecurityGroups', 'securityGroupInfo', 'groupName'),
    askMoto(
      parts,
      where,
      ec2Params('DescribeRouteTables', { 'Filter.1.Name': 'vpc-id', 'Filter.1.Value.1': vpc }),
    ),
  ]);
  const ownTables = itemsOf(tables.body, 'routeTableSet').filter(
    (item) => !textsOf(item, 'main').includes('true'),
  );
  const others = groups.filter((name) => name !== 'default');
  if (subnets.length + gateways.length + others.length + ownTables.length > 0)
    return inUse(`The vpc '${vpc}'`, 'has dependencies and cannot be deleted. It');
  return asResponse(await askMoto(parts, where, call.params));
}

/** DeleteRouteTable, refused while a subnet routes by it. */
export async function deleteRouteTable(parts: AwsParts, call: Call): Promise<Response> {
  const where = { account: call.identity.account, region: call.region };
  const id = call.params.get('RouteTableId') ?? '';
  const answer = await askMoto(parts, where, ec2Params('DescribeRouteTables', { 'RouteTableId.1': id }));
  if (answer.ok && textsOf(answer.body, 'subnetId').length > 0)
    return inUse(`The routeTable '${id}'`, 'has dependencies and cannot be deleted. It');
  return asResponse(await askMoto(parts, where, call.params));
}
