import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { engineFromCache, stageStandIn } from '@claw-cloud/engine';
import { createPaperMachines, type Listening, listen } from '@claw-cloud/fake-clouds';
import { createVultrCloud } from '@claw-cloud/fake-clouds/vultr';
import { createVultrSpec } from '@claw-cloud/fake-clouds/vultr/spec';
import { LocalWorkspace, PulumiCommand, type Stack as PulumiStack } from '@pulumi/pulumi/automation/index.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type StackAccess, type StackInput, stackIn } from '../registry.ts';

const stackName = 'ins_000000000000000000000001';
const userData = '#cloud-config\n# canary-user-data-canary\n';
const input: StackInput = {
  instanceId: stackName,
  name: 'claw-ins-000000000000000000000001',
  tag: `claw-${stackName}`,
  labelKey: 'claw-cloud',
  region: 'fra',
  size: 'vc2-1c-2gb',
  image: '2625',
  userData,
};
const specsDir =
  process.env.CLAW_SPECS_DIR ?? fileURLToPath(new URL('../../../shared/specs', import.meta.url));
const specPath = join(specsDir, 'vultr.json');
const spec = existsSync(specPath) ? createVultrSpec(specPath) : null;
const limit = { timeout: 180_000 };

describe('the Vultr stack through the real engine and a stand-in for its plugin', () => {
  const dir = mkdtempSync(join(tmpdir(), 'claw-stack-test-'));
  const machines = createPaperMachines();
  const asked: string[] = [];
  const cloud = createVultrCloud({
    machines,
    actionMs: 5,
    validate: async (c, next) => {
      asked.push(`${c.req.method} ${new URL(c.req.url).pathname.replace('/v2', '')}`);
      if (spec) return spec.middleware(c, next);
      return next();
    },
  });
  const account = () => cloud.account('a');
  const apiKey = cloud.issueKey({ account: 'a' });
  let web: Listening;
  let access: StackAccess;
  let command: PulumiCommand;

  beforeAll(async () => {
    const { pulumiRoot } = await engineFromCache();
    command = await PulumiCommand.get({ root: pulumiRoot });
    mkdirSync(join(dir, 'state'));
    // A folder of our own: the official plugin, where it can be had, knows no other address than the cloud's.
    await stageStandIn('vultr', join(dir, 'home', 'plugins'));
    web = await listen(cloud.app.fetch, 0);
    access = { credential: { apiKey }, endpoint: web.origin, region: 'fra' };
  });
  afterAll(async () => {
    await cloud.close();
    await web.close();
    rmSync(dir, { recursive: true, force: true });
    if (!spec) console.warn(`SKIPPED: Vultr's description is not at ${specPath} (CLAW_SPECS_DIR says where)`);
    expect(spec?.violations ?? []).toEqual([]);
  });

  async function open(program: () => Promise<unknown>): Promise<PulumiStack> {
    const stack = await stackIn('vultr');
    return LocalWorkspace.createOrSelectStack(
      {
        stackName,
        projectName: stack.project,
        program: program as () => Promise<Record<string, unknown>>,
      },
      {
        workDir: mkdtempSync(join(dir, 'work-')),
        pulumiCommand: command,
        envVars: {
          PULUMI_HOME: join(dir, 'home'),
          PULUMI_BACKEND_URL: `file://${join(dir, 'state')}`,
          PULUMI_CONFIG_PASSPHRASE: 'a passphrase',
          PULUMI_SKIP_UPDATE_CHECK: 'true',
          PULUMI_IGNORE_AMBIENT_PLUGINS: 'true',
          PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
          PULUMI_CREDENTIAL_STORE: 'plaintext',
          PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: 'true',
          ...stack.environment?.(access),
        },
      },
    );
  }
  const made = async (more: Partial<StackInput> = {}) =>
    open((await stackIn('vultr')).program({ ...input, ...more }, access));
  const writesSince = (count: number) => asked.slice(count).filter((line) => !line.startsWith('GET'));

  test('makes one server behind a firewall group that lets nothing in', limit, async () => {
    const { outputs } = await (await made()).up();
    const [server] = account().instances;
    const [group] = account().firewallGroups;
    expect(account().instances).toHaveLength(1);
    expect(server).toMatchObject({
      label: input.name,
      hostname: input.name,
      tags: [input.tag],
      plan: 'vc2-1c-2gb',
      region: 'fra',
      osId: 2625,
      userData,
      sshKeyIds: [],
      backups: false,
      ddosProtection: false,
      v6: expect.any(Object),
      firewallGroupId: group?.id,
    });
    expect(account().firewallGroups).toHaveLength(1);
    expect(group).toMatchObject({ description: input.tag, rules: [] });
    expect(outputs.serverId?.value).toBe(server?.id);
    expect([...machines.specs.values()][0]?.userData).toBe(userData);
  });

  test('changes nothing afterwards, even with other user-data and a system of tomorrow', limit, async () => {
    const again = await made({ userData: '#other\n', image: '9999' });
    expect((await again.refresh()).summary.resourceChanges).toEqual({ same: 4 });
    expect((await again.up()).summary.resourceChanges).toEqual({ same: 4 });
    // Whoever only looks after a server knows its system by name.
    const named = await made({ image: 'Debian 13 x64 (trixie)' });
    expect((await named.up()).summary.resourceChanges).toEqual({ same: 4 });
  });

  test('keeps neither key nor user-data nor passwords in clear', () => {
    const state = readdirSync(join(dir, 'state'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
      .join('\n');
    expect(state).toContain(input.name);
    const [server] = account().instances;
    for (const text of [
      apiKey,
      'canary-user-data-canary',
      Buffer.from(userData).toString('base64'),
      server?.defaultPassword ?? '',
      'console.vultr.invalid',
    ])
      expect(state).not.toContain(text);
  });

  test('takes over what is there already, and only reads for it', limit, async () => {
    const [server] = account().instances;
    const [group] = account().firewallGroups;
    const old = await made();
    // What a crash leaves at worst: the cloud has it, the state knows nothing.
    await old.workspace.removeStack(stackName, { force: true });
    const adopt = { server: server?.id, firewall: group?.id };
    const before = asked.length;
    const next = await made({ userData: '#unknown\n', adopt });
    expect((await next.up()).summary.resourceChanges).toMatchObject({ create: 2, import: 2 });
    expect(writesSince(before)).toEqual([]);
    expect((await (await made()).up()).summary.resourceChanges).toEqual({ same: 4 });
  });

  test('gives it a larger size in place', limit, async () => {
    const [server] = account().instances;
    const before = asked.length;
    expect((await (await made({ size: 'vc2-2c-4gb' })).up()).summary.resourceChanges).toEqual({
      update: 1,
      same: 3,
    });
    expect(writesSince(before)).toEqual([`PATCH /instances/${server?.id}`]);
    expect(account().instances).toEqual([expect.objectContaining({ id: server?.id, plan: 'vc2-2c-4gb' })]);
  });

  test('puts a server back behind its group', limit, async () => {
    const [server] = account().instances;
    const groupId = server?.firewallGroupId;
    if (server) server.firewallGroupId = '';
    const again = await made({ size: 'vc2-2c-4gb' });
    expect((await again.refresh()).summary.resourceChanges).toEqual({ update: 1, same: 3 });
    expect((await again.up()).summary.resourceChanges).toEqual({ update: 1, same: 3 });
    expect(account().instances[0]?.firewallGroupId).toBe(groupId);
  });

  test(
    'makes a group again that was deleted by hand, and the server stays the one it was',
    limit,
    async () => {
      const [server] = account().instances;
      account().firewallGroups = [];
      if (server) server.firewallGroupId = '';
      const again = await made({ size: 'vc2-2c-4gb' });
      await again.refresh();
      await again.up();
      expect(account().firewallGroups).toHaveLength(1);
      expect(account().instances).toEqual([
        expect.objectContaining({ id: server?.id, firewallGroupId: account().firewallGroups[0]?.id }),
      ]);
    },
  );

  test('does not send a create again that failed after its effect', limit, async () => {
    cloud.faults.add({ kind: 'error_after_effect', match: { makes: 'server' }, times: 1 });
    const other = await LocalWorkspace.createOrSelectStack(
      {
        stackName: 'other',
        projectName: 'claw-vultr',
        program: (await stackIn('vultr')).program({ ...input, tag: 'claw-ins_2' }, access),
      },
      {
        workDir: mkdtempSync(join(dir, 'work-')),
        pulumiCommand: command,
        envVars: (await made()).workspace.envVars,
      },
    );
    await expect(other.up()).rejects.toThrow('Internal server error.');
    expect(account().instances.filter(({ tags }) => tags.includes('claw-ins_2'))).toHaveLength(1);
  });

  test('is destroyed with the key of today, not the one of its state', limit, async () => {
    const stack = await stackIn('vultr');
    cloud.revokeKey(apiKey);
    const fresh = cloud.issueKey({ account: 'a' });
    const before = asked.length;
    const last = await open(stack.accessOnly({ ...access, credential: { apiKey: fresh } }));
    await last.destroy({ runProgram: true });
    expect(account().instances.filter(({ tags }) => tags.includes(input.tag))).toEqual([]);
    expect(account().firewallGroups.filter(({ description }) => description === input.tag)).toEqual([]);
    // The server first: a group that goes before it would leave it open.
    expect(writesSince(before).map((line) => line.replace(/[0-9a-f-]{36}/, 'id'))).toEqual([
      'DELETE /instances/id',
      'DELETE /firewalls/id',
    ]);
  });
});
