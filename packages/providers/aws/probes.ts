import * as sdk from '@aws-sdk/client-ec2';
import { GetProductsCommand } from '@aws-sdk/client-pricing';
import { GetServiceQuotaCommand } from '@aws-sdk/client-service-quotas';
import type { OpenCredential } from '../provider.ts';
import type { AwsClient } from './client.ts';
import { probeIds } from './policy.ts';
import { vcpuQuota } from './quota.ts';

const tags = [{ Key: 'claw-cloud', Value: 'claw-probe' }];
const tagged = (...types: sdk.ResourceType[]) => types.map((ResourceType) => ({ ResourceType, Tags: tags }));

const DryRun = true;
const InstanceId = probeIds.instance;
const GroupId = probeIds['security-group'];
const VpcId = probeIds.vpc;
const SubnetId = probeIds.subnet;
const InternetGatewayId = probeIds['internet-gateway'];
const RouteTableId = probeIds['route-table'];

/** What a server is made with: the policy's conditions look at it. */
export function serverProbe(image: string, size: sdk._InstanceType): sdk.RunInstancesCommand {
  return new sdk.RunInstancesCommand({
    DryRun,
    ImageId: image,
    InstanceType: size,
    MinCount: 1,
    MaxCount: 1,
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
    BlockDeviceMappings: [
      { DeviceName: '/dev/xvda', Ebs: { VolumeType: 'gp3', Encrypted: true, DeleteOnTermination: true } },
    ],
    TagSpecifications: tagged('instance', 'volume'),
  });
}

type Probe = (client: AwsClient, credential: OpenCredential, region: string) => Promise<unknown>;

const anywhere = [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }];

/**
 * A question for every permission of the policy: with DryRun, AWS says whether it would have done it. What is changed or
 * deleted is asked on ids that nothing has.
 */
export function probesWith(image: string): Readonly<Record<string, Probe>> {
  const asking =
    (ask: (ec2: sdk.EC2Client) => Promise<unknown>): Probe =>
    (client, credential, region) =>
      ask(client.ec2(credential, region));
  return {
    'ec2:DescribeRegions': asking((ec2) => ec2.send(new sdk.DescribeRegionsCommand({ DryRun }))),
    'ec2:DescribeInstanceTypes': asking((ec2) => ec2.send(new sdk.DescribeInstanceTypesCommand({ DryRun }))),
    'ec2:DescribeInstanceTypeOfferings': asking((ec2) =>
      ec2.send(new sdk.DescribeInstanceTypeOfferingsCommand({ DryRun })),
    ),
    'ec2:DescribeImages': asking((ec2) =>
      ec2.send(new sdk.DescribeImagesCommand({ DryRun, Owners: ['self'] })),
    ),
    'ec2:DescribeTags': asking((ec2) => ec2.send(new sdk.DescribeTagsCommand({ DryRun }))),
    'ec2:DescribeInstances': asking((ec2) => ec2.send(new sdk.DescribeInstancesCommand({ DryRun }))),
    'ec2:DescribeInstanceAttribute': asking((ec2) =>
      ec2.send(new sdk.DescribeInstanceAttributeCommand({ DryRun, InstanceId, Attribute: 'instanceType' })),
    ),
    'ec2:DescribeInstanceCreditSpecifications': asking((ec2) =>
      ec2.send(new sdk.DescribeInstanceCreditSpecificationsCommand({ DryRun })),
    ),
    'ec2:DescribeVolumes': asking((ec2) => ec2.send(new sdk.DescribeVolumesCommand({ DryRun }))),
    'ec2:DescribeNetworkInterfaces': asking((ec2) =>
      ec2.send(new sdk.DescribeNetworkInterfacesCommand({ DryRun })),
    ),
    'ec2:DescribeSecurityGroups': asking((ec2) =>
      ec2.send(new sdk.DescribeSecurityGroupsCommand({ DryRun })),
    ),
    'ec2:DescribeVpcs': asking((ec2) => ec2.send(new sdk.DescribeVpcsCommand({ DryRun }))),
    'ec2:DescribeVpcAttribute': asking((ec2) =>
      ec2.send(new sdk.DescribeVpcAttributeCommand({ DryRun, VpcId, Attribute: 'enableDnsSupport' })),
    ),
    'ec2:DescribeNetworkAcls': asking((ec2) => ec2.send(new sdk.DescribeNetworkAclsCommand({ DryRun }))),
    'ec2:DescribeSubnets': asking((ec2) => ec2.send(new sdk.DescribeSubnetsCommand({ DryRun }))),
    'ec2:DescribeInternetGateways': asking((ec2) =>
      ec2.send(new sdk.DescribeInternetGatewaysCommand({ DryRun })),
    ),
    'ec2:DescribeRouteTables': asking((ec2) => ec2.send(new sdk.DescribeRouteTablesCommand({ DryRun }))),
    'pricing:GetProducts': (client, credential) =>
      client
        .pricing(credential)
        .send(new GetProductsCommand({ ServiceCode: 'AmazonEC2', MaxResults: 1, FormatVersion: 'aws_v1' })),
    'servicequotas:GetServiceQuota': (client, credential, region) =>
      client.quotas(credential, region).send(new GetServiceQuotaCommand(vcpuQuota)),

    'ec2:RunInstances': asking((ec2) => ec2.send(serverProbe(image, 't3.small'))),
    'ec2:CreateTags': asking((ec2) =>
      ec2.send(new sdk.CreateTagsCommand({ DryRun, Resources: [probeIds['network-interface']], Tags: tags })),
    ),
    'ec2:CreateSecurityGroup': asking((ec2) =>
      ec2.send(
        new sdk.CreateSecurityGroupCommand({
          DryRun,
          GroupName: 'claw-probe',
          Description: 'Claw Cloud',
          VpcId,
          TagSpecifications: tagged('security-group'),
        }),
      ),
    ),
    'ec2:CreateVpc': asking((ec2) =>
      ec2.send(
        new sdk.CreateVpcCommand({ DryRun, CidrBlock: '10.77.0.0/24', TagSpecifications: tagged('vpc') }),
      ),
    ),
    'ec2:CreateSubnet': asking((ec2) =>
      ec2.send(
        new sdk.CreateSubnetCommand({
          DryRun,
          VpcId,
          CidrBlock: '10.77.0.0/24',
          TagSpecifications: tagged('subnet'),
        }),
      ),
    ),
    'ec2:CreateInternetGateway': asking((ec2) =>
      ec2.send(
        new sdk.CreateInternetGatewayCommand({ DryRun, TagSpecifications: tagged('internet-gateway') }),
      ),
    ),
    'ec2:CreateRouteTable': asking((ec2) =>
      ec2.send(new sdk.CreateRouteTableCommand({ DryRun, VpcId, TagSpecifications: tagged('route-table') })),
    ),

    'ec2:StartInstances': asking((ec2) =>
      ec2.send(new sdk.StartInstancesCommand({ DryRun, InstanceIds: [InstanceId] })),
    ),
    'ec2:StopInstances': asking((ec2) =>
      ec2.send(new sdk.StopInstancesCommand({ DryRun, InstanceIds: [InstanceId] })),
    ),
    'ec2:RebootInstances': asking((ec2) =>
      ec2.send(new sdk.RebootInstancesCommand({ DryRun, InstanceIds: [InstanceId] })),
    ),
    'ec2:ModifyInstanceAttribute': asking((ec2) =>
      ec2.send(
        new sdk.ModifyInstanceAttributeCommand({ DryRun, InstanceId, InstanceType: { Value: 't3.small' } }),
      ),
    ),
    'ec2:ModifyInstanceMetadataOptions': asking((ec2) =>
      ec2.send(new sdk.ModifyInstanceMetadataOptionsCommand({ DryRun, InstanceId, HttpTokens: 'required' })),
    ),
    'ec2:UnmonitorInstances': asking((ec2) =>
      ec2.send(new sdk.UnmonitorInstancesCommand({ DryRun, InstanceIds: [InstanceId] })),
    ),
    'ec2:ModifyNetworkInterfaceAttribute': asking((ec2) =>
      ec2.send(
        new sdk.ModifyNetworkInterfaceAttributeCommand({
          DryRun,
          NetworkInterfaceId: probeIds['network-interface'],
          Groups: [GroupId],
        }),
      ),
    ),
    'ec2:TerminateInstances': asking((ec2) =>
      ec2.send(new sdk.TerminateInstancesCommand({ DryRun, InstanceIds: [InstanceId] })),
    ),
    'ec2:DeleteVolume': asking((ec2) =>
      ec2.send(new sdk.DeleteVolumeCommand({ DryRun, VolumeId: probeIds.volume })),
    ),
    'ec2:DeleteNetworkInterface': asking((ec2) =>
      ec2.send(
        new sdk.DeleteNetworkInterfaceCommand({ DryRun, NetworkInterfaceId: probeIds['network-interface'] }),
      ),
    ),
    'ec2:AuthorizeSecurityGroupEgress': asking((ec2) =>
      ec2.send(new sdk.AuthorizeSecurityGroupEgressCommand({ DryRun, GroupId, IpPermissions: anywhere })),
    ),
    'ec2:RevokeSecurityGroupEgress': asking((ec2) =>
      ec2.send(new sdk.RevokeSecurityGroupEgressCommand({ DryRun, GroupId, IpPermissions: anywhere })),
    ),
    'ec2:RevokeSecurityGroupIngress': asking((ec2) =>
      ec2.send(new sdk.RevokeSecurityGroupIngressCommand({ DryRun, GroupId, IpPermissions: anywhere })),
    ),
    'ec2:DeleteSecurityGroup': asking((ec2) =>
      ec2.send(new sdk.DeleteSecurityGroupCommand({ DryRun, GroupId })),
    ),
    'ec2:AttachInternetGateway': asking((ec2) =>
      ec2.send(new sdk.AttachInternetGatewayCommand({ DryRun, InternetGatewayId, VpcId })),
    ),
    'ec2:DetachInternetGateway': asking((ec2) =>
      ec2.send(new sdk.DetachInternetGatewayCommand({ DryRun, InternetGatewayId, VpcId })),
    ),
    'ec2:DeleteInternetGateway': asking((ec2) =>
      ec2.send(new sdk.DeleteInternetGatewayCommand({ DryRun, InternetGatewayId })),
    ),
    'ec2:CreateRoute': asking((ec2) =>
      ec2.send(
        new sdk.CreateRouteCommand({
          DryRun,
          RouteTableId,
          DestinationCidrBlock: '0.0.0.0/0',
          GatewayId: InternetGatewayId,
        }),
      ),
    ),
    'ec2:DeleteRoute': asking((ec2) =>
      ec2.send(new sdk.DeleteRouteCommand({ DryRun, RouteTableId, DestinationCidrBlock: '0.0.0.0/0' })),
    ),
    'ec2:AssociateRouteTable': asking((ec2) =>
      ec2.send(new sdk.AssociateRouteTableCommand({ DryRun, RouteTableId, SubnetId })),
    ),
    'ec2:DisassociateRouteTable': asking((ec2) =>
      ec2.send(
        new sdk.DisassociateRouteTableCommand({ DryRun, AssociationId: 'rtbassoc-0c1a0c1a0c1a0c1a0' }),
      ),
    ),
    'ec2:DeleteRouteTable': asking((ec2) =>
      ec2.send(new sdk.DeleteRouteTableCommand({ DryRun, RouteTableId })),
    ),
    'ec2:DeleteSubnet': asking((ec2) => ec2.send(new sdk.DeleteSubnetCommand({ DryRun, SubnetId }))),
    'ec2:DeleteVpc': asking((ec2) => ec2.send(new sdk.DeleteVpcCommand({ DryRun, VpcId }))),
    'ec2:DeleteTags': asking((ec2) =>
      ec2.send(new sdk.DeleteTagsCommand({ DryRun, Resources: [InstanceId], Tags: [{ Key: 'Name' }] })),
    ),
  };
}
