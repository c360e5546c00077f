import { CreateSecurityGroupCommand, CreateVpcCommand, EC2Client } from '@aws-sdk/client-ec2';
import { Catalogue, ProductError } from '@claw-cloud/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { policy } from '../aws/policy.ts';
import type { OpenCredential, Provider } from '../index.ts';
import { awsForTest, credential, externalId, tag } from './aws-cloud.ts';

const region = 'eu-central-1';
const wish = { region, size: 't3.small', expectedMonthlyPrice: null };

describe('AWS', { timeout: 60_000 }, () => {
  let now = new Date('2026-01-01T00:00:00Z');
  let it: Awaited<ReturnType<typeof awsForTest>>;
  let aws: Provider;
  let full: OpenCredential;

  beforeAll(async () => {
    it = await awsForTest({ now: () => now, serverLimit: 2 });
    aws = await it.aws({ now: () => now });
    full = credential(it.cloud.newCredential());
  });
  beforeEach(() => it.cloud.faults.clear());
  afterAll(() => it.cloud.close());

  const codeOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'no error',
      (error: unknown) => (error instanceof ProductError ? error.code : error),
    );
  const rejection = (work: Promise<unknown>): Promise<ProductError> =>
    work.then(
      () => {
        throw new Error('It was not refused.');
      },
      (error) => error as ProductError,
    );
  const asOwner = (): EC2Client =>
    full.use(
      ({ accessKeyId = '', secretAccessKey = '' }) =>
        new EC2Client({ endpoint: it.cloud.endpoint, region, credentials: { accessKeyId, secretAccessKey } }),
    );

  describe('whose a credential is', () => {
    test('an access key is its user in its account', async () => {
      expect(await aws.whoAmI(full)).toEqual({
        label: expect.stringMatching(/^AWS account \d{12}$/),
        detail: expect.stringMatching(/^user user-\d+$/),
      });
    });

    test('keys of another shape, unknown keys and wrong secrets are rejected', async () => {
      const keys = it.cloud.newCredential();
      for (const fields of [
        { method: 'keys', accessKeyId: 'AKIA', secretAccessKey: 'x' },
        { ...keys, accessKeyId: 'ASIA0123456789ABCDEF' },
        { ...keys, secretAccessKey: 'x'.repeat(40) },
        { ...keys, accessKeyId: 'AKIA0123456789ABCDEF' },
        { method: 'role', roleArn: 'arn:aws:iam::1:user/x' },
      ])
        expect(await codeOf(aws.whoAmI(credential(fields)))).toBe('credential_rejected');
    });

    test('a role is assumed for an hour, and renewed when a quarter of one is left', async () => {
      const role = it.cloud.newRole({ externalId });
      const open = credential(role);
      expect(await aws.whoAmI(open)).toMatchObject({ detail: expect.stringMatching(/^role role-/) });
      const first = await aws.engineAccess(open);
      expect(Object.keys(first).sort()).toEqual(['accessKeyId', 'secretAccessKey', 'sessionToken']);
      expect(first.accessKeyId).not.toBe(it.cloud.platform.accessKeyId);
      now = new Date(now.getTime() + 44 * 60_000);
      expect(await aws.engineAccess(open)).toEqual(first);
      now = new Date(now.getTime() + 2 * 60_000);
      const second = await aws.engineAccess(open);
      expect(second.sessionToken).not.toBe(first.sessionToken);
      now = new Date(now.getTime() + 20 * 60_000);
      // The first session is over by now; the credential goes on working.
      expect(await aws.findByTag(open, tag)).toEqual([]);
    });

    test('an access key is handed to the engine as it is', async () => {
      const keys = it.cloud.newCredential();
      const { accessKeyId, secretAccessKey } = keys;
      expect(await aws.engineAccess(credential(keys))).toEqual({ accessKeyId, secretAccessKey });
    });

    test("another owner's role can't be used: our requests carry one's own external id", async () => {
      const roleOfA = it.cloud.newRole({ externalId, account: 'a' });
      const asB = await it.aws({ externalId: 'ext-owner-b-9876543210' });
      const refused = await rejection(asB.whoAmI(credential(roleOfA)));
      expect(refused).toMatchObject({
        code: 'credential_rejected',
        message: expect.stringContaining('ext-owner-b-9876543210'),
        fix: expect.stringContaining('template'),
      });
      expect(refused.message).toContain(it.cloud.platform.account);
      expect(refused.message).not.toContain(externalId);
      expect(await codeOf(asB.engineAccess(credential(roleOfA)))).toBe('credential_rejected');
      expect(await aws.whoAmI(credential(roleOfA))).toMatchObject({ label: expect.any(String) });
    });

    test.each([
      ['no external id', null],
      ['any external id', '*'],
    ])('a role that asks for %s is refused, with the condition to add', async (_, asksFor) => {
      const open = credential(it.cloud.newRole({ externalId: asksFor }));
      const refused = await rejection(aws.whoAmI(open));
      expect(refused.code).toBe('credential_rejected');
      expect(refused.fix).toContain(`sts:ExternalId ${externalId}`);
    });

    test("a session bears its instance's name, for its owner to read", async () => {
      const forOne = await it.aws({ sessionName: 'claw-ins-000000000000000000000001' });
      await forOne.engineAccess(credential(it.cloud.newRole({ externalId })));
      const asked = it.cloud.requests().findLast(({ path }) => path === 'AssumeRole');
      expect(new URLSearchParams(asked?.body).get('RoleSessionName')).toBe(
        'claw-ins-000000000000000000000001',
      );
    });

    test('without an identity of the platform roles are not on offer', async () => {
      const alone = await it.aws({ platform: {} });
      const open = credential(it.cloud.newRole({ externalId }));
      expect(await codeOf(alone.whoAmI(open))).toBe('provider_unavailable');
    });
  });

  describe('what it may do', () => {
    test('nothing is missing of the policy, and nothing was made to find out', async () => {
      const before = it.cloud.requests().length;
      expect(await aws.missingPermissions(full)).toEqual([]);
      const asked = it.cloud.requests().slice(before);
      const used = new Set(asked.flatMap((request) => policy.permissionsOf(request)));
      expect([...used].sort()).toEqual(policy.permissions.map(({ name }) => name).sort());
      const writes = asked.filter(({ path }) => !/^(Describe|Get)/.test(path));
      expect(writes.every(({ body }) => body.includes('DryRun=true'))).toBe(true);
      expect(await it.cloud.resources()).toEqual([]);
    });

    test('what is missing is named, with what it is needed for', async () => {
      const reader = credential(it.cloud.newCredential({ powers: 'read' }));
      const missing = (await aws.missingPermissions(reader)).map(({ permission }) => permission);
      const reads = policy.permissions.filter(({ name }) => /:(Describe|Get)/.test(name));
      expect(missing).toHaveLength(policy.permissions.length - reads.length);
      expect(missing).toContain('ec2:RunInstances');
      const partly = credential(it.cloud.newUserWithout(['TerminateInstances', 'DescribeTags']));
      expect(await aws.missingPermissions(partly)).toMatchObject([
        { permission: 'ec2:DescribeTags' },
        { permission: 'ec2:TerminateInstances', neededFor: 'destroying the server' },
      ]);
    });
  });

  describe('what is for sale', () => {
    test('regions that are on, sizes of 2 GB and more, prices with disk and address', async () => {
      const catalogue = await aws.catalogue(full);
      Catalogue.parse(catalogue);
      expect(catalogue).toMatchObject({ currency: 'USD', image: 'debian-13', provider: 'aws' });
      expect(catalogue.regions.map(({ id }) => id)).toEqual(['eu-central-1', 'eu-west-1', 'us-east-1']);
      expect(catalogue.regions[0]).toMatchObject({ city: 'Frankfurt', country: 'DE' });
      expect(catalogue.sizes.every(({ memoryMb }) => memoryMb >= 2000)).toBe(true);
      expect(catalogue.sizes.map(({ id }) => id)).toEqual(
        expect.arrayContaining(['t3.small', 't3a.medium', 't4g.large', 'm7i.large', 'm7g.medium']),
      );
      const small = catalogue.sizes.find(({ id }) => id === 't3.small');
      expect(small).toMatchObject({ cpus: 2, memoryMb: 2048, diskGb: 30, architecture: 'x86', small: true });
      const offer = small?.offers.find((entry) => entry.region === 'us-east-1');
      expect(offer?.monthly).toBeCloseTo((0.0208 + 0.005) * 730 + 30 * 0.08, 3);
      expect(offer?.hourly).toBeCloseTo(0.0208 + 0.005 + (30 * 0.08) / 730, 3);
      expect(catalogue.sizes.find(({ id }) => id === 't4g.small')?.architecture).toBe('arm');
    });
  });

  describe('what stands in the way', () => {
    const codes = async (more: Partial<typeof wish> | object, who = full) =>
      (await aws.preflight(who, { ...wish, ...more })).blockers.map(({ code }) => code);

    test("nothing does, and the image is Debian's own newest of the region and architecture", async () => {
      const x86 = await aws.preflight(full, wish);
      expect(x86.blockers).toEqual([]);
      expect(x86.offer).toMatchObject({
        image: 'ami-0deb13000000amd02',
        architecture: 'x86',
        currency: 'USD',
      });
      expect(x86.warnings).toHaveLength(1);
      const arm = await aws.preflight(full, { ...wish, size: 't4g.medium' });
      expect(arm.offer).toMatchObject({ image: 'ami-0deb13000000arm02', architecture: 'arm' });
    });

    test('regions and sizes that are not there, off, too small or changed in price', async () => {
      expect(await codes({ region: 'xx-north-9' })).toContain('region_unknown');
      const off = await aws.preflight(full, { ...wish, region: 'ap-east-1' });
      expect(off.blockers[0]).toMatchObject({
        code: 'region_unknown',
        message: expect.stringContaining('off'),
      });
      expect(await codes({ size: 'p5.48xlarge' })).toEqual(['size_unknown']);
      expect(await codes({ size: 't3.micro' })).toEqual(['size_too_small']);
      expect(await codes({ expectedMonthlyPrice: 1 })).toEqual(['price_changed']);
    });

    test('the quota of vCPUs, against what runs', async () => {
      const ids = [await it.cloud.byHand.addServer(tag), await it.cloud.byHand.addServer(tag)];
      const { blockers } = await aws.preflight(full, wish);
      expect(blockers).toMatchObject([
        {
          code: 'quota_reached',
          message: 'The account may run 4 vCPUs in eu-central-1; 4 are in use, and this size needs 2.',
        },
      ]);
      for (const id of ids) await it.cloud.byHand.deleteServer(id);
    });

    test('the account: locked, not signed up, a key without power, a key that is gone', async () => {
      it.cloud.faults.add({ kind: 'account_locked', match: { path: 'RunInstances' } });
      expect(await codes({})).toEqual(['cloud_account_locked']);
      it.cloud.faults.clear();
      it.cloud.faults.add({ kind: 'billing_missing', match: { path: 'RunInstances' } });
      expect((await codes({}))[0]).toBe('billing_missing');
      it.cloud.faults.clear();
      expect((await codes({}, credential(it.cloud.newCredential({ powers: 'read' }))))[0]).toBe(
        'credential_powerless',
      );
      const keys = it.cloud.newCredential();
      it.cloud.revoke(keys);
      expect(await codes({}, credential(keys))).toEqual(['credential_rejected']);
    });

    test('of another size: the kind of processor, and a server that is gone', async () => {
      const serverId = await it.cloud.byHand.addServer(tag);
      const resize = (size: string) => aws.preflightResize(full, { ...wish, size, serverId });
      expect((await resize('t3.medium')).blockers).toEqual([]);
      expect((await resize('t4g.medium')).blockers.map(({ code }) => code)).toEqual(['resize_impossible']);
      await it.cloud.byHand.deleteServer(serverId);
      expect(await codeOf(resize('t3.medium'))).toBe('server_missing');
    });
  });

  describe('a server and what belongs to it', () => {
    test('is found by its tag in any region, with what goes along, and only in its account', async () => {
      const id = await it.cloud.byHand.addServer(tag);
      const found = await aws.findByTag(full, tag);
      expect(found).toMatchObject([
        { kind: 'server', id, region, status: 'running', deletedWith: null },
        { kind: 'network_interface', deletedWith: id },
        { kind: 'volume', deletedWith: id },
      ]);
      expect(await aws.findByTag(full, 'claw-ins_other')).toEqual([]);
      expect(await aws.findTagged(full)).toMatchObject(found.map(({ id: each }) => ({ id: each, tag })));
      const other = credential(it.cloud.newCredential({ account: 'other' }));
      expect(await aws.findByTag(other, tag)).toEqual([]);
      // Without its region, and beside what is not there.
      const [server] = found;
      if (!server) throw new Error('no server');
      const { region: _, ...lost } = server;
      const gone = { ...lost, id: 'i-0123456789abcdef0' };
      expect(await aws.stillExisting(full, [lost, gone])).toMatchObject([{ id }]);
      await aws.deleteResource(full, server);
      await aws.deleteResource(full, server);
      expect(await aws.findByTag(full, tag)).toEqual([]);
      expect(await aws.stillExisting(full, found)).toEqual([]);
    });

    test('is switched off, on and rebooted, and says how it is', async () => {
      const id = await it.cloud.byHand.addServer(tag);
      const state = async () => (await aws.serverState(full, id, region))?.power;
      expect(await aws.serverState(full, id, region)).toMatchObject({ power: 'running', size: 't3.small' });
      await aws.power(full, id, region, 'shutdown');
      expect(await state()).toBe('stopped');
      await aws.power(full, id, region, 'on');
      expect(await state()).toBe('running');
      await aws.power(full, id, region, 'reboot');
      await aws.power(full, id, region, 'off');
      expect(await state()).toBe('stopped');
      await it.cloud.byHand.deleteServer(id);
      expect(await aws.serverState(full, id, region)).toBe(null);
      expect(await codeOf(aws.power(full, id, region, 'on'))).toBe('server_missing');
      expect(await aws.serverState(full, 'i-0123456789abcdef0', region)).toBe(null);
    });

    test('a network of its own is found and deleted, from the inside out', async () => {
      const owner = asOwner();
      const tags = (ResourceType: 'vpc' | 'security-group') => [
        { ResourceType, Tags: [{ Key: 'claw-cloud', Value: tag }] },
      ];
      const { Vpc } = await owner.send(
        new CreateVpcCommand({ CidrBlock: '10.77.0.0/24', TagSpecifications: tags('vpc') }),
      );
      await owner.send(
        new CreateSecurityGroupCommand({
          GroupName: 'claw-x',
          Description: 'x',
          VpcId: Vpc?.VpcId,
          TagSpecifications: tags('security-group'),
        }),
      );
      owner.destroy();
      const found = await aws.findByTag(full, tag);
      expect(found.map(({ kind }) => kind)).toEqual(['firewall', 'network']);
      for (const resource of found) await aws.deleteResource(full, resource);
      expect(await it.cloud.resources()).toEqual([]);
    });

    test('its console page names it and its region', () => {
      expect(aws.consoleUrl('i-1', region)).toBe(
        'https://eu-central-1.console.aws.amazon.com/ec2/home?region=eu-central-1#InstanceDetails:instanceId=i-1',
      );
    });
  });

  test('passing failures are asked again, and a region that fails is never taken for an empty one', async () => {
    it.cloud.faults.add({ kind: 'rate_limit', times: 2, match: { path: 'DescribeTags' } });
    expect(await aws.findByTag(full, tag)).toEqual([]);
    it.cloud.faults.add({ kind: 'error_before_effect', match: { path: 'DescribeTags' } });
    expect(await codeOf(aws.findByTag(full, tag))).toBe('cloud_unavailable');
  });
});
