import {
  AuthorizeSecurityGroupEgressCommand,
  CreateSecurityGroupCommand,
  CreateVpcCommand,
  DeleteSecurityGroupCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeRegionsCommand,
  DescribeSecurityGroupsCommand,
  DescribeTagsCommand,
  EC2Client,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createPaperMachines } from '../machines/driver.ts';
import { newestImages } from './images.ts';
import { type AwsFakeCloud, startFakeCloud } from './index.ts';

const region = 'eu-central-1';
const tag = { Key: 'claw-cloud', Value: 'claw-ins_1' };

describe('the pretend AWS is as strict as AWS where moto is not', { timeout: 100_000 }, () => {
  let now = new Date('2026-01-01T00:00:00Z');
  const machines = createPaperMachines();
  let cloud: AwsFakeCloud;
  const clients: { destroy(): void }[] = [];

  beforeAll(async () => {
    cloud = await startFakeCloud({ machines, actionMs: 300, serverLimit: 3, now: () => now });
  });
  beforeEach(() => cloud.faults.clear());
  afterAll(async () => {
    for (const client of clients) client.destroy();
    await cloud.close();
  });

  type Keys = Readonly<Record<string, string>>;
  const options = ({ accessKeyId = '', secretAccessKey = '', sessionToken }: Keys) => ({
    endpoint: cloud.endpoint,
    region,
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
  });
  function ec2(keys: Keys = cloud.newCredential()): EC2Client {
    const client = new EC2Client(options(keys));
    clients.push(client);
    return client;
  }
  function sts(keys: Keys): STSClient {
    const client = new STSClient(options(keys));
    clients.push(client);
    return client;
  }
  const order = (extra: Partial<RunInstancesCommandInput> = {}) =>
    new RunInstancesCommand({
      ImageId: newestImages.x86,
      InstanceType: 't3.small',
      MinCount: 1,
      MaxCount: 1,
      TagSpecifications: [
        { ResourceType: 'instance', Tags: [tag] },
        { ResourceType: 'volume', Tags: [tag] },
      ],
      ...extra,
    });
  const coded = (code: string) => expect.objectContaining({ name: code });

  test('one client token makes one server, whatever the requests in flight', async () => {
    const client = ec2(cloud.newCredential({ account: 'token' }));
    const [a, b] = await Promise.all([
      client.send(order({ ClientToken: 'abc' })),
      client.send(order({ ClientToken: 'abc' })),
    ]);
    const c = await client.send(order({ ClientToken: 'abc' }));
    const ids = [a, b, c].map(({ Instances }) => Instances?.[0]?.InstanceId);
    expect(new Set(ids).size).toBe(1);
    await expect(client.send(order({ ClientToken: 'abc', InstanceType: 't3.medium' }))).rejects.toEqual(
      coded('IdempotentParameterMismatch'),
    );
    expect(cloud.history(tag.Value)).toEqual({ peak: 1, made: 1 });
    await client.send(new TerminateInstancesCommand({ InstanceIds: [ids[0] ?? ''] }));
  });

  test('a server goes with its disk, its interface and their tags', async () => {
    const client = ec2(cloud.newCredential({ account: 'life' }));
    const userData = '#cloud-config\n';
    const made = await client.send(order({ UserData: Buffer.from(userData).toString('base64') }));
    const id = made.Instances?.[0]?.InstanceId ?? '';
    expect(await cloud.servers()).toMatchObject([
      { id, tag: tag.Value, power: 'running', size: 't3.small', region, userData, sshKeys: [], ipv4: true },
    ]);
    expect([...machines.specs.values()].at(-1)).toMatchObject({ userData, image: newestImages.x86 });
    expect((await cloud.resources()).map(({ kind }) => kind).sort()).toEqual([
      'network_interface',
      'server',
      'volume',
    ]);
    await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    const again = await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    expect(again.TerminatingInstances?.[0]?.CurrentState?.Name).toBe('terminated');
    expect(await cloud.resources()).toEqual([]);
    const tags = await client.send(new DescribeTagsCommand({}));
    expect(tags.Tags?.filter(({ ResourceId }) => ResourceId !== id)).toEqual([]);
    expect(machines.specs.size).toBe(0);
  });

  test('a group in use stays until its server is terminated and a moment beyond', async () => {
    const client = ec2(cloud.newCredential({ account: 'groups' }));
    const { GroupId = '' } = await client.send(
      new CreateSecurityGroupCommand({ GroupName: 'claw', Description: 'x' }),
    );
    const made = await client.send(order({ SecurityGroupIds: [GroupId] }));
    const id = made.Instances?.[0]?.InstanceId ?? '';
    const erase = () => client.send(new DeleteSecurityGroupCommand({ GroupId }));
    await expect(erase()).rejects.toEqual(coded('DependencyViolation'));
    await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    await expect(erase()).rejects.toEqual(coded('DependencyViolation'));
    now = new Date(now.getTime() + 1_000);
    await erase();
    expect(await cloud.resources()).toEqual([]);
  });

  test('unknown images, unknown types and another architecture are refused', async () => {
    const client = ec2();
    await expect(client.send(order({ ImageId: 'ami-0123456789abcdef0' }))).rejects.toEqual(
      coded('InvalidAMIID.NotFound'),
    );
    await expect(client.send(order({ InstanceType: 't3.tiny' as 't3.nano' }))).rejects.toEqual(
      coded('InvalidParameterValue'),
    );
    await expect(client.send(order({ InstanceType: 't4g.small' }))).rejects.toThrow(/architecture/);
    expect(await cloud.servers()).toEqual([]);
  });

  test('vCPUs beyond the quota are refused', async () => {
    const client = ec2(cloud.newCredential({ account: 'quota' }));
    await client.send(order());
    await expect(client.send(order({ InstanceType: 't3.2xlarge' }))).rejects.toEqual(
      coded('VcpuLimitExceeded'),
    );
    for (const { id } of await cloud.servers()) await cloud.byHand.deleteServer(id);
  });

  test('asking without doing says what may be done', async () => {
    const [may, mayNot] = [ec2(), ec2(cloud.newCredential({ powers: 'read' }))];
    await expect(may.send(order({ DryRun: true }))).rejects.toEqual(coded('DryRunOperation'));
    await expect(mayNot.send(order({ DryRun: true }))).rejects.toEqual(coded('UnauthorizedOperation'));
    await expect(mayNot.send(order())).rejects.toEqual(coded('UnauthorizedOperation'));
    await mayNot.send(new DescribeInstancesCommand({}));
    const partly = ec2(cloud.newUserWithout(['CreateVpc']));
    await expect(
      partly.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/24', DryRun: true })),
    ).rejects.toEqual(coded('UnauthorizedOperation'));
    expect(await cloud.servers()).toEqual([]);
  });

  test('a key that is unknown, revoked or wrong gets nowhere', async () => {
    const keys = cloud.newCredential();
    await expect(
      ec2({ ...keys, secretAccessKey: 'x'.repeat(40) }).send(new DescribeInstancesCommand({})),
    ).rejects.toEqual(coded('AuthFailure'));
    cloud.revoke(keys);
    await expect(ec2(keys).send(new DescribeInstancesCommand({}))).rejects.toEqual(coded('AuthFailure'));
    await expect(sts(keys).send(new GetCallerIdentityCommand({}))).rejects.toEqual(
      coded('InvalidClientTokenId'),
    );
  });

  test('a role is lent to whom it trusts, with its external id, until its session ends', async () => {
    const { roleArn } = cloud.newRole({ externalId: 'owner-a', account: 'a' });
    const assume = (client: STSClient, ExternalId?: string) =>
      client.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 's', ExternalId }));
    const us = sts(cloud.platform);
    await expect(assume(us)).rejects.toEqual(coded('AccessDenied'));
    await expect(assume(us, 'owner-b')).rejects.toEqual(coded('AccessDenied'));
    await expect(assume(sts(cloud.newCredential()), 'owner-a')).rejects.toEqual(coded('AccessDenied'));
    const { Credentials } = await assume(us, 'owner-a');
    const session = {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    };
    const client = ec2(session);
    await client.send(new DescribeInstancesCommand({}));
    await expect(
      ec2({ ...session, sessionToken: 'another' }).send(new DescribeInstancesCommand({})),
    ).rejects.toEqual(coded('AuthFailure'));
    now = new Date(now.getTime() + 3_600_000);
    await expect(client.send(new DescribeInstancesCommand({}))).rejects.toEqual(coded('RequestExpired'));
  });

  test('accounts see nothing of one another', async () => {
    const one = ec2(cloud.newCredential({ account: 'one' }));
    const made = await one.send(order());
    const id = made.Instances?.[0]?.InstanceId ?? '';
    const other = ec2(cloud.newCredential({ account: 'other' }));
    expect((await other.send(new DescribeInstancesCommand({}))).Reservations).toEqual([]);
    await expect(other.send(new TerminateInstancesCommand({ InstanceIds: [id] }))).rejects.toEqual(
      coded('InvalidInstanceID.NotFound'),
    );
    await cloud.byHand.deleteServer(id);
  });

  test('filters that moto lacks work, and regions that are off are not told', async () => {
    const client = ec2(cloud.newCredential({ account: 'filters' }));
    const { GroupId = '' } = await client.send(
      new CreateSecurityGroupCommand({ GroupName: 'claw', Description: 'x' }),
    );
    const six = () =>
      client.send(
        new DescribeSecurityGroupsCommand({
          Filters: [
            { Name: 'egress.ip-permission.cidr', Values: ['0.0.0.0/0'] },
            { Name: 'egress.ip-permission.ipv6-cidr', Values: ['::/0'] },
          ],
        }),
      );
    expect((await six()).SecurityGroups).toEqual([]);
    await client.send(
      new AuthorizeSecurityGroupEgressCommand({
        GroupId,
        IpPermissions: [{ IpProtocol: '-1', Ipv6Ranges: [{ CidrIpv6: '::/0' }] }],
      }),
    );
    expect((await six()).SecurityGroups?.map((group) => group.GroupId)).toEqual([GroupId]);
    const regions = await client.send(new DescribeRegionsCommand({}));
    expect(regions.Regions?.some(({ OptInStatus }) => OptInStatus === 'not-opted-in')).toBe(false);
    const images = await client.send(new DescribeImagesCommand({ Owners: ['136693071363'] }));
    expect(images.Images?.length).toBeGreaterThan(4);
    await client.send(new DeleteSecurityGroupCommand({ GroupId }));
  });

  test('faults strike by action, before and after the effect', async () => {
    const client = ec2(cloud.newCredential({ account: 'faults' }));
    for (const [kind, code] of [
      ['quota', 'VcpuLimitExceeded'],
      ['sold_out', 'InsufficientInstanceCapacity'],
      ['rate_limit', 'RequestLimitExceeded'],
      ['account_locked', 'Blocked'],
      ['error_after_effect', 'InternalError'],
    ] as const) {
      cloud.faults.add({ kind, times: 1, match: { path: 'RunInstances', account: 'faults' } });
      await expect(client.send(order({ ClientToken: 'same' }))).rejects.toEqual(coded(code));
    }
    expect(await cloud.servers()).toHaveLength(1);
    await client.send(order({ ClientToken: 'same' }));
    const [server] = await cloud.servers();
    expect(await cloud.servers()).toHaveLength(1);
    cloud.faults.add({ kind: 'action_stuck', times: 1 });
    const stuck = (await client.send(order())).Instances?.[0]?.InstanceId ?? '';
    const described = await client.send(new DescribeInstancesCommand({ InstanceIds: [stuck] }));
    expect(described.Reservations?.[0]?.Instances?.[0]?.State?.Name).toBe('pending');
    expect((await cloud.servers()).find(({ id }) => id === stuck)?.power).toBe('changing');
    for (const id of [stuck, server?.id ?? '']) await cloud.byHand.deleteServer(id);
  });

  test('an account can have no default network', async () => {
    await cloud.deleteDefaultVpc(region, 'bare');
    const client = ec2(cloud.newCredential({ account: 'bare' }));
    await expect(client.send(order())).rejects.toThrow();
    expect((await client.send(new DescribeNetworkInterfacesCommand({}))).NetworkInterfaces).toEqual([]);
  });
});
