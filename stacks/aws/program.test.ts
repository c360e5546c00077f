import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineFromCache } from '@claw-cloud/engine';
import { createPaperMachines } from '@claw-cloud/fake-clouds';
import { type AwsFakeCloud, startFakeCloud } from '@claw-cloud/fake-clouds/aws';
import { LocalWorkspace, PulumiCommand, type Stack as PulumiStack } from '@pulumi/pulumi/automation/index.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Stack, type StackAccess, type StackInput, stackIn } from '../registry.ts';

const userData = '#cloud-config\n# canary-user-data-canary\n';
const region = 'eu-central-1';
const limit = { timeout: 400_000 };

const inputOf = (number: number): StackInput => {
  const instanceId = `ins_${String(number).padStart(24, '0')}`;
  return {
    instanceId,
    name: `claw-${instanceId.replace('_', '-')}`,
    tag: `claw-${instanceId}`,
    labelKey: 'claw-cloud',
    region,
    size: 't3.small',
    image: 'ami-0deb13000000amd02',
    userData,
  };
};

describe('the AWS stack through the real engine', () => {
  const dir = mkdtempSync(join(tmpdir(), 'claw-stack-test-'));
  let cloud: AwsFakeCloud;
  let stack: Stack;
  let command: PulumiCommand;
  let pulumiHome: string;
  let count = 0;

  beforeAll(async () => {
    const engine = await engineFromCache();
    pulumiHome = engine.pulumiHome;
    command = await PulumiCommand.get({ root: engine.pulumiRoot });
    cloud = await startFakeCloud({ machines: createPaperMachines(), actionMs: 5, ipv6: false });
    stack = await stackIn('aws');
  });
  beforeEach(() => cloud.faults.clear());
  afterAll(async () => {
    await cloud.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const accessWith = (credential: Readonly<Record<string, string>>): StackAccess => ({
    credential,
    endpoint: cloud.endpoint,
    region,
  });

  async function open(input: StackInput, program: () => Promise<unknown>): Promise<PulumiStack> {
    count += 1;
    return LocalWorkspace.createOrSelectStack(
      {
        stackName: input.instanceId,
        projectName: stack.project,
        program: program as () => Promise<Record<string, unknown>>,
      },
      {
        workDir: mkdtempSync(join(dir, `w${count}-`)),
        pulumiCommand: command,
        envVars: {
          PULUMI_HOME: pulumiHome,
          PULUMI_BACKEND_URL: `file://${dir}`,
          PULUMI_CONFIG_PASSPHRASE: 'a passphrase',
          PULUMI_SKIP_UPDATE_CHECK: 'true',
          PULUMI_IGNORE_AMBIENT_PLUGINS: 'true',
          PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
          PULUMI_CREDENTIAL_STORE: 'plaintext',
          PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: 'true',
          ...stack.environment?.(accessWith({})),
        },
      },
    );
  }
  const forget = async (input: StackInput, access: StackAccess) =>
    (await open(input, stack.program(input, access))).workspace.removeStack(input.instanceId, {
      force: true,
    });
  const destroy = async (input: StackInput, access: StackAccess) =>
    (await open(input, stack.accessOnly(access))).destroy({ runProgram: true });

  const isWrite = ({ path }: { path: string }) => !/^(Describe|Get)/.test(path);
  const writesSince = (index: number) =>
    cloud
      .requests()
      .slice(index)
      .filter(isWrite)
      .map(({ path }) => path);
  const bodyOf = (action: string) =>
    new URLSearchParams(
      cloud
        .requests()
        .filter(({ path }) => path === action)
        .at(-1)?.body ?? '',
    );
  const idOf = async (kind: string) =>
    (await cloud.resources()).find((found) => found.kind === kind)?.id ?? '';
  /** What is in the account now, as an interrupted attempt finds it by its tag. */
  const adopting = async (): Promise<Record<string, string>> =>
    Object.fromEntries((await cloud.resources()).map(({ kind, id }) => [kind, id]));

  /** What a refresh finds changed, as `type property`, without what the stack calls no drift. */
  async function differences(opened: PulumiStack): Promise<string[]> {
    const found = new Set<string>();
    await opened.refresh({
      onEvent: ({ resOutputsEvent }) => {
        const step = resOutputsEvent?.metadata;
        const [before, after] = [step?.old?.outputs ?? {}, step?.new?.outputs ?? {}];
        for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
          const hidden = name.startsWith('__') || stack.notDrift?.[step?.type ?? '']?.includes(name);
          const texts = [before[name], after[name]].map((value) => JSON.stringify(value ?? []));
          if (!hidden && texts[0] !== texts[1]) found.add(`${step?.type.split(':').at(-1)} ${name}`);
        }
      },
    });
    return [...found].sort();
  }

  describe('in an account with a default network', () => {
    const input = inputOf(1);
    let keys: Readonly<Record<string, string>>;
    let access: StackAccess;
    beforeAll(() => {
      keys = cloud.newCredential();
      access = accessWith(keys);
    });

    test('makes one server in a group that lets nothing in', limit, async () => {
      const { outputs } = await (await open(input, stack.program(input, access))).up();
      expect(await cloud.servers()).toMatchObject([
        {
          id: outputs.serverId?.value,
          name: input.name,
          tag: input.tag,
          power: 'running',
          size: 't3.small',
          region,
          image: input.image,
          userData,
          sshKeys: [],
          ipv4: true,
        },
      ]);
      const made = await cloud.resources();
      expect(made.map(({ kind, tag }) => [kind, tag]).sort()).toEqual(
        ['firewall', 'network_interface', 'server', 'volume'].map((kind) => [kind, input.tag]),
      );
      expect(writesSince(0)).toEqual([
        'CreateSecurityGroup',
        'RevokeSecurityGroupEgress',
        'RevokeSecurityGroupEgress',
        'AuthorizeSecurityGroupEgress',
        'RunInstances',
        'CreateTags',
      ]);
    });

    test('asks for a closed metadata service, an encrypted disk, no key and no role', () => {
      const order = Object.fromEntries(bodyOf('RunInstances'));
      expect(order).toMatchObject({
        'MetadataOptions.HttpTokens': 'required',
        'MetadataOptions.HttpPutResponseHopLimit': '1',
        'BlockDeviceMapping.1.Ebs.Encrypted': 'true',
        'BlockDeviceMapping.1.Ebs.VolumeType': 'gp3',
        'BlockDeviceMapping.1.Ebs.VolumeSize': '30',
        'BlockDeviceMapping.1.Ebs.DeleteOnTermination': 'true',
      });
      expect(Object.keys(order).filter((name) => /KeyName|IamInstanceProfile/.test(name))).toEqual([]);
      expect(order.ClientToken).toBeTruthy();
      const rules = Object.fromEntries(bodyOf('AuthorizeSecurityGroupEgress'));
      expect(Object.values(rules)).toEqual(expect.arrayContaining(['0.0.0.0/0', '::/0', '-1']));
    });

    test('changes nothing afterwards, even with other user-data or a newer image', limit, async () => {
      const again = await open(
        input,
        stack.program({ ...input, userData: '#other\n', image: 'ami-0deb13000000amd01' }, access),
      );
      const before = cloud.requests().length;
      expect(await differences(again)).toEqual([]);
      expect((await again.up()).summary.resourceChanges).toEqual({ same: 5 });
      expect(writesSince(before)).toEqual([]);
    });

    const expectNothingInClear = () => {
      const state = readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
        .join('\n');
      expect(state).toContain(input.name);
      for (const text of [
        keys.secretAccessKey ?? '',
        keys.accessKeyId ?? '',
        'canary-user-data-canary',
        Buffer.from(userData).toString('base64'),
      ])
        expect(state).not.toContain(text);
    };
    test('keeps neither key nor user-data in clear', expectNothingInClear);

    test('takes a server that was stopped for no drift, and replaces nothing', limit, async () => {
      const id = await idOf('server');
      await cloud.byHand.stopServer(id);
      const same = await open(input, stack.program(input, access));
      expect(await differences(same)).toEqual([]);
      expect((await same.up()).summary.resourceChanges).toEqual({ same: 5 });
      expect((await cloud.servers()).map((server) => server.id)).toEqual([id]);
    });

    test('resizes in place', limit, async () => {
      const id = await idOf('server');
      const larger = await open(input, stack.program({ ...input, size: 't3.medium' }, access));
      const before = cloud.requests().length;
      expect((await larger.up()).summary.resourceChanges).toEqual({ same: 4, update: 1 });
      expect(writesSince(before)).toEqual(['StopInstances', 'ModifyInstanceAttribute', 'StartInstances']);
      expect(await cloud.servers()).toMatchObject([{ id, size: 't3.medium', power: 'running' }]);
      await (await open(input, stack.program(input, access))).up();
    });

    test('sees a group that was opened by hand, and closes it', limit, async () => {
      await cloud.byHand.openFirewall(await idOf('firewall'));
      const same = await open(input, stack.program(input, access));
      expect(await differences(same)).toEqual(['SecurityGroup ingress']);
      const before = cloud.requests().length;
      expect((await same.up()).summary.resourceChanges).toEqual({ same: 4, update: 1 });
      expect(writesSince(before)).toEqual(['RevokeSecurityGroupIngress']);
      expect(await differences(same)).toEqual([]);
    });

    test('takes over what is there already instead of making a second one', limit, async () => {
      const id = await idOf('server');
      // What a crash leaves at worst: the cloud has it, the state knows nothing.
      await forget(input, access);
      const adopt = await adopting();
      const before = cloud.requests().length;
      const next = await open(input, stack.program({ ...input, userData: '#unknown\n', adopt }, access));
      expect((await next.up()).summary.resourceChanges).toEqual({ create: 3, import: 2, update: 1 });
      // Taking over only reads; the tags of disk and interface, which have no import, are put on once more.
      expect(writesSince(before)).toEqual(['CreateTags', 'CreateTags']);
      expect((await cloud.servers()).map((server) => server.id)).toEqual([id]);
      const later = await open(input, stack.program(input, access));
      expect((await later.up()).summary.resourceChanges).toEqual({ same: 5 });
      // AWS tells a server's user-data to whoever may describe it, so an adoption reads it.
      expectNothingInClear();
    });

    test('is destroyed with the key of today, to the last piece', limit, async () => {
      const fresh = cloud.newCredential();
      const before = cloud.requests().length;
      const old = cloud.requests().at(-1)?.credential;
      await destroy(input, accessWith(fresh));
      expect(await cloud.resources()).toEqual([]);
      const marks = new Set(
        cloud
          .requests()
          .slice(before)
          .map(({ credential }) => credential),
      );
      expect(marks).not.toContain(old);
    });
  });

  test('gives the server an IPv6 address where the default network has them', limit, async () => {
    const sixes = await startFakeCloud({ machines: createPaperMachines(), actionMs: 5 });
    try {
      const input = inputOf(6);
      const access = { ...accessWith(sixes.newCredential()), endpoint: sixes.endpoint };
      const opened = await open(input, stack.program(input, access));
      await opened.up();
      expect(await sixes.servers()).toMatchObject([{ ipv4: true, ipv6: true }]);
      expect(await differences(opened)).toEqual([]);
      expect((await opened.up()).summary.resourceChanges).toEqual({ same: 5 });
    } finally {
      await sixes.close();
    }
  });

  test('makes no second server where the first was made and not confirmed', limit, async () => {
    const input = inputOf(2);
    const access = accessWith(cloud.newCredential({ account: 'unconfirmed' }));
    cloud.faults.add({ kind: 'error_after_effect', match: { path: 'RunInstances' } });
    await expect((await open(input, stack.program(input, access))).up()).rejects.toThrow(
      /api error InternalError/,
    );
    cloud.faults.clear();
    expect(cloud.history(input.tag)).toEqual({ peak: 1, made: 1 });
    const adopt = await adopting();
    await (await open(input, stack.program({ ...input, adopt }, access))).up();
    expect(cloud.history(input.tag)).toEqual({ peak: 1, made: 1 });
    await destroy(input, access);
    expect(await cloud.resources()).toEqual([]);
  });

  test('goes on where a group was made and not finished', limit, async () => {
    const input = inputOf(3);
    const access = accessWith(cloud.newCredential({ account: 'half' }));
    cloud.faults.add({ kind: 'error_after_effect', match: { path: 'CreateSecurityGroup' } });
    await expect((await open(input, stack.program(input, access))).up()).rejects.toThrow(/api error/);
    cloud.faults.clear();
    const adopt = await adopting();
    expect(Object.keys(adopt)).toEqual(['firewall']);
    await (await open(input, stack.program({ ...input, adopt }, access))).up();
    expect(await cloud.servers()).toHaveLength(1);
    // The half-made one stays until all that bears the tag is cleared.
    const groups = (await cloud.resources()).filter(({ kind }) => kind === 'firewall');
    expect(groups).toHaveLength(2);
    expect(new URLSearchParams(bodyOf('CreateSecurityGroup')).get('GroupName')).toBe(`${input.name}-2`);
    const later = await open(input, stack.program({ ...input, adopt: await adopting() }, access));
    expect((await later.up()).summary.resourceChanges).toEqual({ same: 5 });
    await destroy(input, access);
    expect((await cloud.resources()).map(({ id }) => id)).toEqual([adopt.firewall]);
    await cloud.byHand.deleteFirewall(adopt.firewall ?? '');
  });

  describe('in an account without a default network', () => {
    const input = inputOf(4);
    let access: StackAccess;
    beforeAll(async () => {
      access = accessWith(cloud.newCredential({ account: 'bare' }));
      await cloud.deleteDefaultVpc(region, 'bare');
    });
    const kinds = [
      'firewall',
      'gateway',
      'network',
      'network_interface',
      'route_table',
      'server',
      'subnet',
      'volume',
    ];

    test('makes a network of its own, with IPv6, all of it tagged', limit, async () => {
      await (await open(input, stack.program(input, access))).up();
      const made = await cloud.resources();
      expect(made.map(({ kind, tag }) => [kind, tag]).sort()).toEqual(kinds.map((kind) => [kind, input.tag]));
      expect(await cloud.servers()).toMatchObject([{ ipv4: true, ipv6: true }]);
    });

    test('keeps it, whatever comes', limit, async () => {
      const again = await open(input, stack.program(input, access));
      expect(await differences(again)).toEqual([]);
      expect((await again.up()).summary.resourceChanges).toEqual({ same: 10 });
    });

    test('takes it over as a whole', limit, async () => {
      await forget(input, access);
      const before = cloud.requests().length;
      const adopt = await adopting();
      await (await open(input, stack.program({ ...input, adopt }, access))).up();
      expect(new Set(writesSince(before))).toEqual(new Set(['CreateTags']));
      expect((await (await open(input, stack.program(input, access))).up()).summary.resourceChanges).toEqual({
        same: 10,
      });
    });

    test('takes it along when it is destroyed', limit, async () => {
      await destroy(input, access);
      expect(await cloud.resources()).toEqual([]);
    });
  });

  test('never falls back to keys of this computer', async () => {
    const input = inputOf(5);
    await expect(stack.program(input, accessWith({}))()).rejects.toThrow(/no access key/);
    expect(stack.environment?.(accessWith({}))).toMatchObject({ AWS_EC2_METADATA_DISABLED: 'true' });
  });
});
