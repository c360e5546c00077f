import {
  type _InstanceType,
  DescribeInstancesCommand,
  DescribeInstanceTypesCommand,
} from '@aws-sdk/client-ec2';
import { GetServiceQuotaCommand } from '@aws-sdk/client-service-quotas';
import { ProductError } from '@claw-cloud/contracts';
import type { OpenCredential } from '../provider.ts';
import type { AwsClient } from './client.ts';
import { asked, unlessCoded } from './errors.ts';
import { quotasUrl } from './meanings.ts';

/** Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances, counted in vCPUs. */
export const vcpuQuota = { ServiceCode: 'ec2', QuotaCode: 'L-1216C47A' } as const;

const standard = /^[acdhimrtz]/;
const maxPages = 200;

/** vCPUs of the region that count for the quota now: servers that run or start, spot ones aside. */
async function vcpusInUse(client: AwsClient, credential: OpenCredential, region: string): Promise<number> {
  const ec2 = client.ec2(credential, region);
  const counted = new Map<_InstanceType, number>();
  let token: string | undefined;
  for (let page = 0; page < maxPages; page += 1) {
    const { Reservations = [], NextToken } = await asked(
      ec2.send(
        new DescribeInstancesCommand({
          Filters: [{ Name: 'instance-state-name', Values: ['pending', 'running'] }],
          ...(token === undefined ? {} : { NextToken: token }),
        }),
      ),
    );
    for (const { Instances = [] } of Reservations)
      for (const { InstanceType, InstanceLifecycle } of Instances)
        if (InstanceType !== undefined && InstanceLifecycle !== 'spot' && standard.test(InstanceType))
          counted.set(InstanceType, (counted.get(InstanceType) ?? 0) + 1);
    token = NextToken;
    if (!token) break;
  }
  const types = [...counted.keys()].slice(0, 100);
  if (types.length === 0) return 0;
  const { InstanceTypes = [] } = await asked(
    ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes: types })),
  );
  return InstanceTypes.reduce(
    (sum, { InstanceType, VCpuInfo }) =>
      sum + (VCpuInfo?.DefaultVCpus ?? 0) * (InstanceType ? (counted.get(InstanceType) ?? 0) : 0),
    0,
  );
}

/** The blocker for so many more vCPUs in a region; null when they fit, or when AWS doesn't tell the quota. */
export async function quotaBlocker(
  client: AwsClient,
  credential: OpenCredential,
  region: string,
  more: number,
): Promise<ProductError | null> {
  const [answer, used] = await Promise.all([
    unlessCoded(
      /^(NoSuchResourceException|AccessDeniedException|ServiceUnavailableException)$/,
      client.quotas(credential, region).send(new GetServiceQuotaCommand(vcpuQuota)),
    ),
    vcpusInUse(client, credential, region),
  ]);
  const limit = answer?.Quota?.Value;
  if (limit === undefined || used + more <= limit) return null;
  return new ProductError(
    'quota_reached',
    `The account may run ${limit} vCPUs in ${region}; ${used} are in use, and this size needs ${more}.`,
    'Stop or delete something in this region, choose another region or a smaller size, or ask AWS for a higher limit under Service Quotas.',
    { link: `${quotasUrl}?region=${region}` },
  );
}
