import { createHash } from 'node:crypto';
import { Drift, newId, Receipt } from '@claw-cloud/contracts';
import { createPaperMachines, type FakeCloud, type FakeCloudOptions } from '@claw-cloud/fake-clouds';
import type { CloudPolicy } from '@claw-cloud/providers';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FaultCase, faultCases, meet, ofTag } from './faults.ts';
import { createLab, type Deployed, type Fields, type Lab, type ProvisionerProcess, until } from './lab.ts';
import { lanes } from './lanes.ts';
import { secretsInClear } from './secrets.ts';

const operationsAtOnce = 4;
/** Engine runs that are stuck are given up after this; ordinary ones take seconds even on a busy computer. */
const engineTimeoutMs = 60_000;
const bootTimeoutMs = 45_000;
/** For all that goes on beside the ordinary life: a minute or two where nothing else keeps the computer busy. */
const besideLimitMs = 900_000;

/**
 * What every cloud has to do, through the real provisioner, engine and plugin: a whole life, every trouble that its
 * stand-in can make, and nothing that its policy doesn't name.
 */
export function conformance(cloudUnderTest: {
  readonly start: (options: FakeCloudOptions) => Promise<FakeCloud>;
  readonly policy: CloudPolicy;
  /** Kinds of trouble, and cases by name, that this cloud doesn't know. */
  readonly lacks: readonly string[];
}): void {
  const { policy, lacks } = cloudUnderTest;
  let cloud: FakeCloud;
  let lab: Lab;
  let provisioner: ProvisionerProcess;
  /** Troubles and odd lives go on beside the tests of the ordinary one: most of their time is waiting. */
  const beside = lanes(operationsAtOnce - 1);
  const troubles = new Map<string, Promise<unknown>>();
  const oddLives = new Map<string, Promise<unknown>>();

  /** A lane's account, made when it is first needed. */
  const accounts = new Map<number, Promise<{ id: string }>>();
  async function trouble(lane: number, fault: FaultCase): Promise<void> {
    const account = `lane ${lane}`;
    const known = accounts.get(lane) ?? lab.account(cloud, account);
    accounts.set(lane, known);
    await meet({ lab, cloud, account, credentialId: (await known).id, lacks }, fault);
  }

  beforeAll(async () => {
    cloud = await cloudUnderTest.start({ machines: createPaperMachines(), serverLimit: 40 });
    lab = await createLab({
      clouds: [cloud],
      environment: {
        PROVISIONER_CONCURRENCY: String(operationsAtOnce),
        ENGINE_TIMEOUT_MS: String(engineTimeoutMs),
        BOOT_TIMEOUT_MS: String(bootTimeoutMs),
      },
    });
    provisioner = await lab.startProvisioner();
    for (const [name, live] of Object.entries(odd)) oddLives.set(name, beside.run(live));
    for (const fault of faultCases)
      troubles.set(
        fault.name,
        beside.run((lane) => trouble(lane, fault)),
      );
  });
  afterAll(() => lab?.close());

  describe('a credential', () => {
    test('is verified without making anything, and its account is named', async () => {
      const { id } = await lab.account(cloud, 'who');
      const credential = await lab.checked(id);
      expect(credential).toMatchObject({ state: 'ready', missing: [], failure: null });
      expect(credential.account?.label).toBeTruthy();
    });

    test('that can only read is refused, with what it lacks by name and how to add it', async () => {
      const id = await lab.addCredential(cloud, cloud.newCredential({ powers: 'read', account: 'reader' }));
      const credential = await lab.checked(id);
      expect(credential).toMatchObject({ state: 'rejected', failure: { code: 'credential_powerless' } });
      expect(credential.missing.length).toBeGreaterThan(0);
      const listed = policy.permissions.map(({ name }) => name);
      for (const { permission, neededFor, fix } of credential.missing) {
        expect(listed).toContain(permission);
        expect(neededFor).toBeTruthy();
        expect(fix).toBeTruthy();
      }
    });

    test('that the cloud no longer knows is refused', async () => {
      const fields = cloud.newCredential({ account: 'revoked before' });
      cloud.revoke(fields);
      const credential = await lab.checked(await lab.addCredential(cloud, fields));
      expect(credential).toMatchObject({ state: 'rejected', failure: { code: 'credential_rejected' } });
    });
  });

  describe('a whole life', () => {
    let life: Deployed;
    let credential: { id: string; fields: Fields };
    const server = async () => {
      const [only, ...more] = (await cloud.servers()).filter(({ tag }) => tag === life.tag);
      expect(more).toEqual([]);
      return only;
    };
    const done = async (operation: { id: string }) =>
      expect(await lab.ended(operation), lab.said()).toMatchObject({ state: 'succeeded', failure: null });
    const drift = async () => {
      await done(await lab.owner.checkInstance(life.instanceId, newId('operation')));
      return Drift.parse((await lab.instance(life.instanceId)).drift);
    };

    test('the catalogue offers what fits, with prices', async () => {
      credential = await lab.account(cloud, 'life');
      const catalogue = await lab.owner.getCatalogue(credential.id);
      expect(catalogue.regions.map(({ id }) => id)).toContain(cloud.offer.region);
      const ids = catalogue.sizes.map(({ id }) => id);
      expect(ids).toContain(cloud.offer.size);
      expect(ids).toContain(cloud.offer.larger);
      expect(new Set(ids).size).toBe(ids.length);
      for (const { memoryMb, offers } of catalogue.sizes) {
        expect(memoryMb).toBeGreaterThanOrEqual(2000);
        for (const { monthly, hourly } of offers) {
          expect(monthly).toBeGreaterThan(0);
          expect(hourly).toBeGreaterThan(0);
          expect(hourly).toBeLessThan(monthly);
        }
      }
    });

    test('a deploy makes one server, closed and tagged', async () => {
      life = await lab.deploy(cloud, credential.id);
      await done({ id: life.operationId });
      const made = await server();
      expect(made).toMatchObject({
        tag: life.tag,
        power: 'running',
        region: cloud.offer.region,
        size: cloud.offer.size,
        sshKeys: [],
        ipv4: true,
        ipv6: true,
      });
      expect(made?.userData).toMatch(/^#cloud-config\n/);
      expect(made?.userData).toContain(life.instanceId);
      const everything = (await cloud.resources()).filter(({ tag }) => tag === life.tag);
      const closed = everything.filter(({ kind }) => kind === 'firewall');
      expect(closed).toHaveLength(1);
      expect(closed.map(({ inboundRules }) => inboundRules)).toEqual([0]);
      const instance = await lab.instance(life.instanceId);
      expect(instance.consoleUrl).toMatch(/^https:\/\//);
      expect(instance.monthlyPrice).toBeGreaterThan(0);
      await lab.callHome(cloud, life);
      expect(await lab.instance(life.instanceId)).toMatchObject({ state: 'ready' });
    });

    test('a second look finds it as it was made', async () => {
      expect((await drift()).items).toEqual([]);
    });

    test('a firewall opened by hand is shown, and closed again on request', async () => {
      const firewall = (await ofTag(cloud, life.tag)).find(({ kind }) => kind === 'firewall');
      await cloud.byHand.openFirewall(firewall?.id ?? '');
      const { items } = await drift();
      expect(items).toMatchObject([{ kind: 'firewall', what: 'changed', repairable: true }]);
      expect(items[0]?.fix).toBeTruthy();
      await done(await lab.owner.repairInstance(life.instanceId, newId('operation')));
      expect((await ofTag(cloud, life.tag)).find(({ kind }) => kind === 'firewall')?.inboundRules).toBe(0);
      expect((await drift()).items).toEqual([]);
    });

    test('it stops, starts and reboots', async () => {
      await done(await lab.owner.powerInstance(life.instanceId, 'stop', newId('operation')));
      expect(await lab.instance(life.instanceId)).toMatchObject({ state: 'stopped' });
      expect((await server())?.power).toBe('stopped');
      await done(await lab.owner.powerInstance(life.instanceId, 'start', newId('operation')));
      expect((await server())?.power).toBe('running');
      await until('it is ready again', async () =>
        (await lab.instance(life.instanceId)).state === 'ready' ? true : null,
      );
      await done(await lab.owner.powerInstance(life.instanceId, 'reboot', newId('operation')));
      expect((await server())?.power).toBe('running');
    });

    test('it becomes larger, and nothing drifts by that', async () => {
      const { region, larger } = cloud.offer;
      const before = await server();
      const expectedMonthlyPrice = await lab.monthlyPrice(credential.id, region, larger);
      await done(
        await lab.owner.resizeInstance(
          life.instanceId,
          { size: larger, expectedMonthlyPrice },
          newId('operation'),
        ),
      );
      expect(await server()).toMatchObject({ id: before?.id, size: larger, power: 'running' });
      expect(await lab.instance(life.instanceId)).toMatchObject({
        size: larger,
        monthlyPrice: expectedMonthlyPrice,
      });
      expect((await drift()).items).toEqual([]);
    });

    test('a destroy leaves an empty account and a receipt with ids, times and cost', async () => {
      const before = await ofTag(cloud, life.tag);
      const destroyed = await lab.destroy(life.instanceId);
      expect(destroyed, lab.said()).toMatchObject({ state: 'succeeded', failure: null });
      expect(await ofTag(cloud, life.tag)).toEqual([]);
      const receipt = Receipt.parse(destroyed.receipt);
      expect(receipt.left).toEqual([]);
      for (const { kind, id } of before) {
        expect(receipt.made).toContainEqual(expect.objectContaining({ kind, id }));
        expect(receipt.deleted).toContainEqual(
          expect.objectContaining({ kind, id, at: expect.stringMatching(/^\d{4}-/) }),
        );
      }
      expect(receipt.cost).toMatchObject({ currency: expect.stringMatching(/^[A-Z]{3}$/) });
      expect(receipt.cost?.amount).toBeGreaterThanOrEqual(0);
      expect(cloud.history(life.tag)).toEqual({ peak: 1, made: 1 });
      expect(await lab.instance(life.instanceId)).toMatchObject({ state: 'destroyed' });
    });

    test('what turns up under its tag afterwards is found by the sweep, and deleted on request', async () => {
      const id = await cloud.byHand.addServer(life.tag, 'life');
      const sql = postgres(lab.database.postgresUrl('claw'), { max: 1 });
      await sql`update public.credentials set swept_at = now() - interval '1 day' where id = ${credential.id}`;
      await sql.end();
      const found = await until(
        'the sweep has found it',
        async () => {
          const strays = await lab.owner.listStrays();
          return strays.find((stray) => stray.kind === 'server' && stray.resourceId === id) ?? null;
        },
        90_000,
      );
      expect(found).toMatchObject({ deletable: true, instanceId: life.instanceId, tag: life.tag });
      await lab.owner.deleteStray(found.id);
      await until(
        'it is deleted',
        async () => ((await lab.owner.listStrays()).some((stray) => stray.id === found.id) ? null : true),
        90_000,
      );
      expect(await ofTag(cloud, life.tag)).toEqual([]);
    });

    test('the calls of this life are exactly those that the policy lists', () => {
      const marks = Object.values(credential.fields).map(
        (field) => `sha256:${createHash('sha256').update(field).digest('hex').slice(0, 12)}`,
      );
      const calls = cloud.requests().filter((request) => marks.includes(request.credential));
      const used = new Set(calls.flatMap((request) => policy.permissionsOf(request)));
      expect([...used].sort()).toEqual(policy.permissions.map(({ name }) => name).sort());
    });
  });

  /** Lives that take a turn; each in an account of its own. */
  const odd: Record<string, () => Promise<void>> = {
    'a server deleted by hand is shown and can not be repaired; a destroy is content': async () => {
      const { id } = await lab.account(cloud, 'deleted by hand');
      const deployed = await lab.deploy(cloud, id);
      expect(await lab.ended(deployed.operationId), lab.said()).toMatchObject({ state: 'succeeded' });
      await lab.callHome(cloud, deployed);
      const server = (await cloud.servers()).find(({ tag }) => tag === deployed.tag);
      await cloud.byHand.deleteServer(server?.id ?? '');
      const check = await lab.owner.checkInstance(deployed.instanceId, newId('operation'));
      expect(await lab.ended(check), lab.said()).toMatchObject({ state: 'succeeded' });
      const { items } = Drift.parse((await lab.instance(deployed.instanceId)).drift);
      expect(items).toContainEqual(
        expect.objectContaining({ kind: 'server', what: 'missing', repairable: false }),
      );
      const destroyed = await lab.destroy(deployed.instanceId);
      expect(destroyed, lab.said()).toMatchObject({ state: 'succeeded', receipt: { left: [] } });
      expect(await ofTag(cloud, deployed.tag)).toEqual([]);
      expect(cloud.history(deployed.tag).made).toBe(1);
    },

    'a credential that was revoked and replaced: the destroy works with the new one': async () => {
      const { id, fields } = await lab.account(cloud, 'rotated');
      const deployed = await lab.deploy(cloud, id);
      expect(await lab.ended(deployed.operationId), lab.said()).toMatchObject({ state: 'succeeded' });
      await lab.callHome(cloud, deployed);
      cloud.revoke(fields);
      expect(await lab.destroy(deployed.instanceId)).toMatchObject({
        state: 'failed',
        failure: { code: 'credential_rejected', resourceMayExist: true },
      });
      const { id: replacement } = await lab.account(cloud, 'rotated');
      const moved = await lab.owner.replaceCredential(deployed.instanceId, replacement, newId('operation'));
      expect(await lab.ended(moved), lab.said()).toMatchObject({ state: 'succeeded' });
      const destroyed = await lab.destroy(deployed.instanceId);
      expect(destroyed, lab.said()).toMatchObject({ state: 'succeeded', receipt: { left: [] } });
      expect(await ofTag(cloud, deployed.tag)).toEqual([]);
    },
  };

  describe('an odd life', { timeout: besideLimitMs }, () => {
    test.each(Object.keys(odd))('%s', async (name) => {
      await oddLives.get(name);
    });
  });

  describe('a trouble', { timeout: besideLimitMs }, () => {
    test.each(faultCases.map((fault): [string, FaultCase] => [fault.name, fault]))('%s', async (name) => {
      await troubles.get(name);
    });
  });

  describe('a provisioner killed in the middle of a create', () => {
    test.each(['with its state', 'with its state lost'] as const)(
      '%s: one server, taken over',
      async (how) => {
        const account = `killed ${how}`;
        const { id } = await lab.account(cloud, account);
        const slow = cloud.faults.add({
          kind: 'slow_api',
          match: { makes: 'server', account },
          times: 1,
          delayMs: 1_500,
        });
        const deployed = await lab.deploy(cloud, id);
        await until(
          'the create is under way',
          () => (cloud.faults.list().some((fault) => fault.id === slow.id && fault.hits > 0) ? true : null),
          120_000,
        );
        await provisioner.kill('SIGKILL');
        if (how === 'with its state lost') {
          await until('what it had asked for took effect', async () =>
            cloud.history(deployed.tag).made > 0 ? true : null,
          );
          const sql = postgres(lab.database.postgresUrl('pulumi'), { max: 1 });
          await sql`delete from pulumi_state where key like ${`%${deployed.instanceId}%`}`;
          await sql.end();
        }
        provisioner = await lab.startProvisioner();
        expect(await lab.ended(deployed.operationId), lab.said()).toMatchObject({ state: 'succeeded' });
        expect(cloud.history(deployed.tag)).toEqual({ peak: 1, made: 1 });
        await lab.callHome(cloud, deployed);
        const destroyed = await lab.destroy(deployed.instanceId);
        expect(destroyed, lab.said()).toMatchObject({ state: 'succeeded', receipt: { left: [] } });
        expect(await ofTag(cloud, deployed.tag)).toEqual([]);
      },
    );
  });

  describe('in the end', () => {
    test('nothing is left in any account', async () => {
      expect((await cloud.resources()).filter(({ tag }) => tag !== null)).toEqual([]);
    });

    test('no secret stands anywhere in clear', async () => {
      expect(lab.secrets.size).toBeGreaterThan(10);
      const { findings, bytes } = await secretsInClear(lab);
      expect(bytes).toBeGreaterThan(10_000);
      expect(findings).toEqual([]);
    });

    test('troubles and odd lives asked for nothing that the policy doesn’t list', () => {
      const listed = policy.permissions.map(({ name }) => name);
      const used = new Set(cloud.requests().flatMap((request) => policy.permissionsOf(request)));
      expect([...used].filter((name) => !listed.includes(name))).toEqual([]);
    });
  });
}
