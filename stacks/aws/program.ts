import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import type { Stack, StackAccess } from '../stack.ts';
import { findPlace } from './place.ts';

/** What every server gets as its disk, in GB; the price that the catalogue shows counts it. */
const rootDiskGb = 30;
/** The cloud's own limits want patience, but a call must end. */
const tries = 8;
const localTries = 3;
const ownCidr = '10.77.0.0/24';
const everywhere = '0.0.0.0/0';
const everywhere6 = '::/0';

function provider({ credential, endpoint, region }: StackAccess): aws.Provider {
  const { accessKeyId, secretAccessKey, sessionToken } = credential;
  // Without keys the plugin would look for the platform's own.
  if (!accessKeyId || !secretAccessKey) throw new Error('The AWS stack got no access key.');
  return new aws.Provider('cloud', {
    region: region as aws.Region,
    accessKey: pulumi.secret(accessKeyId),
    secretKey: pulumi.secret(secretAccessKey),
    ...(sessionToken === undefined ? {} : { token: pulumi.secret(sessionToken) }),
    // The provider of ours has asked who the key belongs to; the machine's own role must never be used.
    skipMetadataApiCheck: true,
    skipCredentialsValidation: true,
    skipRequestingAccountId: true,
    maxRetries: endpoint === undefined ? tries : localTries,
    ...(endpoint === undefined
      ? {}
      : { endpoints: [{ ec2: endpoint, sts: endpoint }], skipRegionValidation: true }),
  });
}

const importing = (id: string | undefined) => (id === undefined ? {} : { import: id });

/** A network with one public subnet, for accounts that have no default one. Returns what a server in it needs. */
function ownNetwork(
  cloud: aws.Provider,
  tags: Record<string, string>,
  zone: string,
  adopt: { network?: string; subnet?: string; gateway?: string; routeTable?: string },
) {
  const network = new aws.ec2.Vpc(
    'network',
    { cidrBlock: ownCidr, assignGeneratedIpv6CidrBlock: true, tags },
    { provider: cloud, ...importing(adopt.network) },
  );
  const subnet = new aws.ec2.Subnet(
    'subnet',
    {
      vpcId: network.id,
      cidrBlock: ownCidr,
      // The first /64 of the /56 that the cloud gave.
      ipv6CidrBlock: network.ipv6CidrBlock.apply((block) => block.replace(/\/56$/, '/64')),
      availabilityZone: zone,
      tags,
    },
    // Another zone would be another subnet, and another server.
    { provider: cloud, ignoreChanges: ['availabilityZone'], ...importing(adopt.subnet) },
  );
  const gateway = new aws.ec2.InternetGateway(
    'gateway',
    { vpcId: network.id, tags },
    { provider: cloud, ...importing(adopt.gateway) },
  );
  const routeTable = new aws.ec2.RouteTable(
    'route-table',
    {
      vpcId: network.id,
      routes: [
        { cidrBlock: everywhere, gatewayId: gateway.id },
        { ipv6CidrBlock: everywhere6, gatewayId: gateway.id },
      ],
      tags,
    },
    { provider: cloud, ...importing(adopt.routeTable) },
  );
  const association = new aws.ec2.RouteTableAssociation(
    'route-table-association',
    { subnetId: subnet.id, routeTableId: routeTable.id },
    {
      provider: cloud,
      ...importing(adopt.routeTable && adopt.subnet && `${adopt.subnet}/${adopt.routeTable}`),
    },
  );
  return { vpcId: network.id, subnetId: subnet.id, needs: [association] };
}

/**
 * A server with public addresses in a security group that lets nothing in, in the account's default network or, where
 * there is none, in one of its own that goes with it.
 */
export const stack: Stack = {
  project: 'claw-aws',

  program: (input, access) => async () => {
    const cloud = provider(access);
    const tags = { Name: input.name, [input.labelKey]: input.tag };
    const place = await findPlace(input, cloud);
    const network =
      place.kind === 'own'
        ? ownNetwork(cloud, tags, place.zone, place.adopt)
        : { vpcId: place.vpcId, subnetId: place.subnetId, needs: [] };
    const group = new aws.ec2.SecurityGroup(
      'firewall',
      {
        name: place.group.name,
        description: 'Claw Cloud: nothing comes in',
        vpcId: network.vpcId,
        ingress: [],
        egress: [
          {
            protocol: '-1',
            fromPort: 0,
            toPort: 0,
            cidrBlocks: [everywhere],
            ipv6CidrBlocks: [everywhere6],
          },
        ],
        tags,
      },
      {
        provider: cloud,
        // Each of them would make another group, which a server that runs can't be moved to in one step.
        ignoreChanges: ['name', 'description', 'vpcId'],
        ...importing(place.group.adopt),
      },
    );
    const adopted = input.adopt?.server !== undefined;
    const server = new aws.ec2.Instance(
      'server',
      {
        ami: input.image,
        instanceType: input.size,
        ...(network.subnetId === undefined ? {} : { subnetId: network.subnetId }),
        vpcSecurityGroupIds: [group.id],
        associatePublicIpAddress: true,
        ...(place.ipv6 ? { ipv6AddressCount: 1 } : {}),
        metadataOptions: {
          httpEndpoint: 'enabled',
          httpTokens: 'required',
          httpPutResponseHopLimit: 1,
          instanceMetadataTags: 'disabled',
        },
        rootBlockDevice: {
          volumeType: 'gp3',
          volumeSize: rootDiskGb,
          encrypted: true,
          deleteOnTermination: true,
        },
        monitoring: false,
        ...(adopted ? {} : { userData: pulumi.secret(input.userData) }),
        userDataReplaceOnChange: false,
        tags,
        volumeTags: tags,
      },
      {
        provider: cloud,
        dependsOn: network.needs,
        ignoreChanges: [
          // AWS tells it in clear, and what is ignored is taken into the state as it was read.
          ...(adopted ? [] : ['userData']),
          // A newer one must not replace what runs.
          'userDataReplaceOnChange',
          'ami',
          // Reads back as false while the server is off: "setting" it would make another server.
          'associatePublicIpAddress',
          'ipv6AddressCount',
          // Chosen once.
          'subnetId',
          'availabilityZone',
        ],
        additionalSecretOutputs: ['userData', 'userDataBase64'],
        ...importing(input.adopt?.server),
      },
    );
    // The cloud tags server and disk while it makes them; the interface comes with them, without a tag of its own.
    new aws.ec2.Tag(
      'interface-tag',
      { resourceId: server.primaryNetworkInterfaceId, key: input.labelKey, value: input.tag },
      { provider: cloud },
    );
    return { serverId: server.id };
  },

  accessOnly: (access) => async () => {
    provider(access);
  },

  // Whatever this computer knows of AWS is the platform's, not the owner's.
  environment: () => ({
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  }),

  // All of it changes when a server stops, starts or changes its size.
  notDrift: {
    'aws:ec2/instance:Instance': [
      'instanceState',
      'publicIp',
      'publicDns',
      'associatePublicIpAddress',
      'cpuOptions',
      'cpuCoreCount',
      'cpuThreadsPerCore',
      'creditSpecification',
      'ebsOptimized',
      'userData',
      'userDataBase64',
    ],
    'aws:ec2/vpc:Vpc': [
      'defaultNetworkAclId',
      'defaultRouteTableId',
      'defaultSecurityGroupId',
      'dhcpOptionsId',
    ],
  },
};
