import {
  DeleteInternetGatewayCommand,
  DeleteNetworkInterfaceCommand,
  DeleteRouteTableCommand,
  DeleteSecurityGroupCommand,
  DeleteSubnetCommand,
  DeleteVolumeCommand,
  DeleteVpcCommand,
  DescribeInternetGatewaysCommand,
  DescribeRouteTablesCommand,
  DetachInternetGatewayCommand,
  DisassociateRouteTableCommand,
  type EC2Client,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { ProductError } from '@claw-cloud/contracts';
import { waitUntil } from '../http/wait-until.ts';
import type { CloudResource, CloudResourceKind, OpenCredential } from '../provider.ts';
import type { AwsClient } from './client.ts';
import { notFound, unlessCoded } from './errors.ts';
import { stillExisting } from './find.ts';

/** AWS takes its time to terminate, and holds groups and networks meanwhile. */
const limitMs = 300_000;
/** Deleting what is deleted is answered as not found, so asking once more is safe. */
const passing = ['cloud_unavailable', 'cloud_maintenance', 'cloud_rate_limited', 'resource_locked'];

type Order = (ec2: EC2Client, id: string) => Promise<void>;

const gone = async (work: Promise<unknown>): Promise<void> => {
  await unlessCoded(notFound, work);
};

const orders: Readonly<Partial<Record<CloudResourceKind, Order>>> = {
  server: (ec2, id) => gone(ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }))),
  network_interface: (ec2, id) =>
    gone(ec2.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId: id }))),
  volume: (ec2, id) => gone(ec2.send(new DeleteVolumeCommand({ VolumeId: id }))),
  firewall: (ec2, id) => gone(ec2.send(new DeleteSecurityGroupCommand({ GroupId: id }))),
  subnet: (ec2, id) => gone(ec2.send(new DeleteSubnetCommand({ SubnetId: id }))),
  network: (ec2, id) => gone(ec2.send(new DeleteVpcCommand({ VpcId: id }))),
  async route_table(ec2, id) {
    const answer = await unlessCoded(
      notFound,
      ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [id] })),
    );
    for (const { Main, RouteTableAssociationId } of answer?.RouteTables?.[0]?.Associations ?? [])
      if (!Main && RouteTableAssociationId !== undefined)
        await gone(ec2.send(new DisassociateRouteTableCommand({ AssociationId: RouteTableAssociationId })));
    await gone(ec2.send(new DeleteRouteTableCommand({ RouteTableId: id })));
  },
  async gateway(ec2, id) {
    const answer = await unlessCoded(
      notFound,
      ec2.send(new DescribeInternetGatewaysCommand({ InternetGatewayIds: [id] })),
    );
    for (const { VpcId } of answer?.InternetGateways?.[0]?.Attachments ?? [])
      await unlessCoded(
        /NotFound$|^Gateway\.NotAttached$/,
        ec2.send(new DetachInternetGatewayCommand({ InternetGatewayId: id, VpcId })),
      );
    await gone(ec2.send(new DeleteInternetGatewayCommand({ InternetGatewayId: id })));
  },
};

/**
 * Deletes a resource and waits until AWS no longer has it. What is still in use, a group by a server that is just
 * terminating for instance, is asked again. Raises what AWS refused, `cloud_unavailable` after five minutes.
 */
export async function deleteResource(
  client: AwsClient,
  credential: OpenCredential,
  resource: CloudResource,
): Promise<void> {
  const order = orders[resource.kind];
  const [there] = await stillExisting(client, credential, [resource]);
  if (!order || !there) return;
  const ec2 = client.ec2(credential, there.region);
  const what = `deleting the ${resource.kind.replace('_', ' ')} ${resource.name}`;
  let ordered = false;
  await waitUntil(client, { cloud: 'AWS', what, limitMs }, async () => {
    if (!ordered) {
      try {
        await order(ec2, resource.id);
        ordered = true;
      } catch (error) {
        if (!(error instanceof ProductError) || !passing.includes(error.code)) throw error;
      }
    }
    return (await stillExisting(client, credential, [there])).length === 0;
  });
}
