import { DescribeInstancesCommand, type Instance } from '@aws-sdk/client-ec2';
import { ProductError } from '@claw-cloud/contracts';
import type { OpenCredential } from '../provider.ts';
import type { AwsClient } from './client.ts';
import { notFound, unlessCoded } from './errors.ts';

export const serverMissing = (): ProductError =>
  new ProductError(
    'server_missing',
    'The server is no longer there.',
    'Destroy the instance and deploy a new one.',
  );

/** A server by its id; null when it is unknown or terminated: AWS goes on showing those for an hour. */
export async function findServer(
  client: AwsClient,
  credential: OpenCredential,
  serverId: string,
  region: string,
): Promise<Instance | null> {
  const answer = await unlessCoded(
    notFound,
    client.ec2(credential, region).send(new DescribeInstancesCommand({ InstanceIds: [serverId] })),
  );
  const server = answer?.Reservations?.[0]?.Instances?.[0];
  return !server || server.State?.Name === 'terminated' ? null : server;
}
