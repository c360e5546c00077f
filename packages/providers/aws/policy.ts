import type { CloudPermission, CloudPolicy, CloudRequest } from '../policy.ts';

const tagKey = 'claw-cloud';
/** Everything of an instance bears `claw-ins_…`. */
const ourTags = 'claw-*';
/** Debian's own account at AWS. */
export const imageOwner = '136693071363';

/** Ids that nothing will ever have: what may be done is asked on them, without a server to ask it on. */
export const probeIds = {
  instance: 'i-0c1a0c1a0c1a0c1a0',
  volume: 'vol-0c1a0c1a0c1a0c1a0',
  'network-interface': 'eni-0c1a0c1a0c1a0c1a0',
  'security-group': 'sg-0c1a0c1a0c1a0c1a0',
  vpc: 'vpc-0c1a0c1a0c1a0c1a0',
  subnet: 'subnet-0c1a0c1a0c1a0c1a0',
  'internet-gateway': 'igw-0c1a0c1a0c1a0c1a0',
  'route-table': 'rtb-0c1a0c1a0c1a0c1a0',
} as const;

type Kind = keyof typeof probeIds;

interface Reading {
  readonly action: string;
  readonly neededFor: string;
}

/** May be done to what bears the tag, and to nothing else. */
interface Changing extends Reading {
  readonly on: readonly Kind[];
}

/** May be made when the request itself gives it the tag. */
interface Making extends Reading {
  readonly kind: Kind;
  /** What it is made in. */
  readonly in?: Kind;
}

const reads: readonly Reading[] = [
  { action: 'ec2:DescribeRegions', neededFor: 'showing the regions of the account' },
  { action: 'ec2:DescribeInstanceTypes', neededFor: 'showing sizes' },
  { action: 'ec2:DescribeInstanceTypeOfferings', neededFor: 'showing which sizes a region has' },
  { action: 'ec2:DescribeImages', neededFor: 'finding the newest Debian' },
  { action: 'ec2:DescribeTags', neededFor: 'finding all that bears our tag, so that nothing is left behind' },
  { action: 'ec2:DescribeInstances', neededFor: 'finding a server and showing its state' },
  { action: 'ec2:DescribeInstanceAttribute', neededFor: 'noticing changes to a server' },
  { action: 'ec2:DescribeInstanceCreditSpecifications', neededFor: 'noticing changes to a server' },
  { action: 'ec2:DescribeVolumes', neededFor: "finding the server's disk" },
  { action: 'ec2:DescribeNetworkInterfaces', neededFor: "finding the server's network interface" },
  { action: 'ec2:DescribeSecurityGroups', neededFor: 'finding the security group' },
  { action: 'ec2:DescribeVpcs', neededFor: 'finding the default network' },
  { action: 'ec2:DescribeVpcAttribute', neededFor: 'noticing changes to a network of our own' },
  { action: 'ec2:DescribeNetworkAcls', neededFor: 'noticing changes to a network of our own' },
  { action: 'ec2:DescribeSubnets', neededFor: 'choosing where in the network the server goes' },
  { action: 'ec2:DescribeInternetGateways', neededFor: 'finding the gateway of a network of our own' },
  { action: 'ec2:DescribeRouteTables', neededFor: 'finding the routes of a network of our own' },
  { action: 'pricing:GetProducts', neededFor: 'showing prices' },
  { action: 'servicequotas:GetServiceQuota', neededFor: 'seeing the vCPU quota before it is in the way' },
];

const makings: readonly Making[] = [
  {
    action: 'ec2:CreateSecurityGroup',
    kind: 'security-group',
    in: 'vpc',
    neededFor: 'making the group that lets nothing in',
  },
  {
    action: 'ec2:CreateVpc',
    kind: 'vpc',
    neededFor: 'making a network where the account has no default one',
  },
  { action: 'ec2:CreateSubnet', kind: 'subnet', in: 'vpc', neededFor: 'making a network of our own' },
  {
    action: 'ec2:CreateInternetGateway',
    kind: 'internet-gateway',
    neededFor: 'making a network of our own',
  },
  {
    action: 'ec2:CreateRouteTable',
    kind: 'route-table',
    in: 'vpc',
    neededFor: 'making a network of our own',
  },
];

const changes: readonly Changing[] = [
  { action: 'ec2:StartInstances', on: ['instance'], neededFor: 'starting the server' },
  { action: 'ec2:StopInstances', on: ['instance'], neededFor: 'stopping and resizing the server' },
  { action: 'ec2:RebootInstances', on: ['instance'], neededFor: 'rebooting the server' },
  {
    action: 'ec2:ModifyInstanceAttribute',
    on: ['instance', 'security-group'],
    neededFor: 'resizing the server',
  },
  {
    action: 'ec2:ModifyInstanceMetadataOptions',
    on: ['instance'],
    neededFor: 'closing a metadata service that was opened by hand',
  },
  {
    action: 'ec2:UnmonitorInstances',
    on: ['instance'],
    neededFor: 'switching off paid monitoring that was switched on by hand',
  },
  {
    action: 'ec2:ModifyNetworkInterfaceAttribute',
    on: ['network-interface', 'security-group'],
    neededFor: 'taking the server out of groups that it was put into by hand',
  },
  { action: 'ec2:TerminateInstances', on: ['instance'], neededFor: 'destroying the server' },
  { action: 'ec2:DeleteVolume', on: ['volume'], neededFor: 'destroying a disk that lost its server' },
  {
    action: 'ec2:DeleteNetworkInterface',
    on: ['network-interface'],
    neededFor: 'destroying an interface that lost its server',
  },
  {
    action: 'ec2:AuthorizeSecurityGroupEgress',
    on: ['security-group'],
    neededFor: 'letting the server out to the internet',
  },
  {
    action: 'ec2:RevokeSecurityGroupEgress',
    on: ['security-group'],
    neededFor: 'replacing the rules that AWS gives a new group',
  },
  {
    action: 'ec2:RevokeSecurityGroupIngress',
    on: ['security-group'],
    neededFor: 'closing a group that was opened by hand',
  },
  { action: 'ec2:DeleteSecurityGroup', on: ['security-group'], neededFor: 'destroying the group' },
  {
    action: 'ec2:AttachInternetGateway',
    on: ['internet-gateway', 'vpc'],
    neededFor: 'making a network of our own',
  },
  {
    action: 'ec2:DetachInternetGateway',
    on: ['internet-gateway', 'vpc'],
    neededFor: 'destroying a network of our own',
  },
  {
    action: 'ec2:DeleteInternetGateway',
    on: ['internet-gateway'],
    neededFor: 'destroying a network of our own',
  },
  { action: 'ec2:CreateRoute', on: ['route-table'], neededFor: 'making a network of our own' },
  { action: 'ec2:DeleteRoute', on: ['route-table'], neededFor: 'repairing a network of our own' },
  {
    action: 'ec2:AssociateRouteTable',
    on: ['route-table', 'subnet'],
    neededFor: 'making a network of our own',
  },
  {
    action: 'ec2:DisassociateRouteTable',
    on: ['route-table', 'subnet'],
    neededFor: 'destroying a network of our own',
  },
  { action: 'ec2:DeleteRouteTable', on: ['route-table'], neededFor: 'destroying a network of our own' },
  { action: 'ec2:DeleteSubnet', on: ['subnet'], neededFor: 'destroying a network of our own' },
  { action: 'ec2:DeleteVpc', on: ['vpc'], neededFor: 'destroying a network of our own' },
  {
    action: 'ec2:DeleteTags',
    on: [
      'instance',
      'volume',
      'network-interface',
      'security-group',
      'vpc',
      'subnet',
      'internet-gateway',
      'route-table',
    ],
    neededFor: 'repairing tags, and destroying',
  },
];

const running: Reading = { action: 'ec2:RunInstances', neededFor: 'making the server' };
const tagging: Reading = {
  action: 'ec2:CreateTags',
  neededFor: 'tagging what is made, so that it is found again',
};

const fix =
  'Put the policy of this page on the user or the role in IAM, as it is, then have the credential verified again.';
const permission = ({ action, neededFor }: Reading): CloudPermission => ({ name: action, neededFor, fix });

const ofTheirOwn: Readonly<Record<string, string>> = {
  GetProducts: 'pricing',
  GetServiceQuota: 'servicequotas',
};
/** What every key and every session may do. */
const free = ['GetCallerIdentity', 'AssumeRole'];

export const policy: CloudPolicy = {
  permissions: [...reads, running, tagging, ...makings, ...changes].map(permission),
  permissionsOf({ path: action, body }: CloudRequest) {
    if (free.includes(action)) return [];
    const name = `${ofTheirOwn[action] ?? 'ec2'}:${action}`;
    // Tags that are given while something is made are a permission of their own.
    return body.includes('TagSpecification.') ? [name, tagging.action] : [name];
  },
};

const arn = (kind: string): string => `arn:aws:ec2:*:*:${kind}/*`;
const names = (list: readonly Reading[]): string[] => list.map(({ action }) => action);
const bearsOurTag = { StringLike: { [`aws:ResourceTag/${tagKey}`]: ourTags } };
const getsOurTag = { StringLike: { [`aws:RequestTag/${tagKey}`]: ourTags } };

const onlyNew = {
  StringEquals: { 'ec2:CreateAction': ['RunInstances', ...makings.map(({ action }) => action.slice(4))] },
};

/** The statements of the policy, each with the reason for its condition in its name. */
const statements = [
  { Sid: 'Read', Effect: 'Allow', Action: names(reads), Resource: '*' },
  {
    Sid: 'MakeServerTaggedWithClosedMetadata',
    Effect: 'Allow',
    Action: running.action,
    Resource: arn('instance'),
    Condition: { ...getsOurTag, StringEquals: { 'ec2:MetadataHttpTokens': 'required' } },
  },
  {
    Sid: 'MakeDiskTaggedAndEncrypted',
    Effect: 'Allow',
    Action: running.action,
    Resource: arn('volume'),
    Condition: { ...getsOurTag, Bool: { 'ec2:Encrypted': 'true' } },
  },
  {
    Sid: 'MakeServerFromDebian',
    Effect: 'Allow',
    Action: running.action,
    Resource: 'arn:aws:ec2:*::image/*',
    Condition: { StringEquals: { 'ec2:Owner': imageOwner } },
  },
  {
    Sid: 'MakeServerInNetwork',
    Effect: 'Allow',
    Action: running.action,
    Resource: ['network-interface', 'security-group', 'subnet'].map(arn),
  },
  {
    Sid: 'MakeTagged',
    Effect: 'Allow',
    Action: names(makings),
    Resource: makings.map(({ kind }) => arn(kind)),
    Condition: getsOurTag,
  },
  {
    Sid: 'MakeGroupInAnyNetwork',
    Effect: 'Allow',
    Action: 'ec2:CreateSecurityGroup',
    Resource: arn('vpc'),
  },
  {
    Sid: 'TagWhatIsNew',
    Effect: 'Allow',
    Action: tagging.action,
    Resource: 'arn:aws:ec2:*:*:*/*',
    Condition: onlyNew,
  },
  // EC2 makes the interface with the server, and the engine can tag it only afterwards.
  {
    Sid: 'TagInterface',
    Effect: 'Allow',
    Action: tagging.action,
    Resource: arn('network-interface'),
    Condition: getsOurTag,
  },
  {
    Sid: 'ChangeOnlyWhatIsTagged',
    Effect: 'Allow',
    Action: [tagging.action, 'ec2:CreateSubnet', 'ec2:CreateRouteTable', ...names(changes)],
    Resource: Object.keys(probeIds).map(arn),
    Condition: bearsOurTag,
  },
  // Nothing has these ids: only questions about what may be done are asked on them.
  {
    Sid: 'AskOnNothing',
    Effect: 'Allow',
    Action: ['ec2:CreateSubnet', 'ec2:CreateRouteTable', ...names(changes)],
    Resource: Object.values(probeIds).map((id) => `arn:aws:ec2:*:*:*/${id}`),
  },
];

/** The policy as IAM takes it. */
export const policyDocument = { Version: '2012-10-17', Statement: statements };

export const policyText = `${JSON.stringify(policyDocument, null, 2)}\n`;
