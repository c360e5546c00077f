import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineFromCache } from '@claw-cloud/engine';
import { createHetznerCloud, createPaperMachines, type Listening, listen } from '@claw-cloud/fake-clouds';
import { LocalWorkspace, PulumiCommand, type Stack as PulumiStack } from '@pulumi/pulumi/automation/index.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type StackInput, stackFor } from '../registry.ts';

const stackName = 'ins_000000000000000000000001';
const userData = '#cloud-config\n# canary-user-data-canary\n';
const input: StackInput = {
  instanceId: stackName,
  name: 'claw-ins-000000000000000000000001',
  labels: { 'claw-cloud': `claw-${stackName}` },
  region: 'fsn1',
  size: 'cx23',
  image: 'debian-13',
  userData,
};

describe('the Hetzner stack through the real engine', () => {
  const dir = mkdtempSync(join(tmpdir(), 'claw-stack-test-'));
  const machines = createPaperMachines();
  const cloud = createHetznerCloud({ machines, actionMs: 5 });
  const token = cloud.issueToken({ project: 'p', powers: 'read_write' });
  let web: Listening;
  let access: { token: string; endpoint: string };
  let command: PulumiCommand;
  let pulumiHome: string;
  let count = 0;

  beforeAll(async () => {
    const engine = await engineFromCache();
    pulumiHome = engine.pulumiHome;
    command = await PulumiCommand.get({ root: engine.pulumiRoot });
    web = await listen(cloud.app.fetch, 0);
    access = { token, endpoint: `${web.origin}/v1` };
  });
  afterAll(async () => {
    await cloud.close();
    await web.close();
    rmSync(dir, { recursive: true, force: true });
  });

  async function open(program: () => Promise<unknown>): Promise<PulumiStack> {
    count += 1;
    return LocalWorkspace.createOrSelectStack(
      { stackName, projectName: 'claw-hetzner', program: program as () => Promise<Record<string, unknown>> },
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
        },
      },
    );
  }
  const server = () => cloud.servers()[0];

  test('makes one server behind a firewall that lets nothing in', { timeout: 60_000 }, async () => {
    const stack = await stackFor('hetzner');
    const { outputs } = await (await open(stack.program(input, access))).up();
    expect(cloud.servers()).toHaveLength(1);
    expect(server()).toMatchObject({
      name: input.name,
      labels: input.labels,
      serverType: 'cx23',
      location: 'fsn1',
    });
    expect(server()?.firewallIds.map(String)).toEqual([outputs.firewallId?.value]);
    expect(String(server()?.id)).toBe(outputs.serverId?.value);
    expect(server()?.ipv4Id).not.toBe(null);
    expect(server()?.ipv6Id).not.toBe(null);
    const firewalls = cloud
      .requests()
      .filter((entry) => entry.method === 'POST' && entry.path === '/firewalls');
    expect(firewalls).toHaveLength(1);
    expect([...machines.specs.values()][0]?.userData).toBe(userData);
  });

  test('changes nothing afterwards, even with other user-data', { timeout: 60_000 }, async () => {
    const stack = await stackFor('hetzner');
    const again = await open(stack.program({ ...input, userData: '#other\n' }, access));
    expect((await again.refresh()).summary.resourceChanges).toEqual({ same: 4 });
    expect((await again.up()).summary.resourceChanges).toEqual({ same: 4 });
  });

  test('keeps neither token nor user-data in clear', () => {
    const state = readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
      .join('\n');
    expect(state).toContain(input.name);
    for (const text of [token, 'canary-user-data-canary', Buffer.from(userData).toString('base64')])
      expect(state).not.toContain(text);
  });

  test('takes over a server that is there already instead of making a second one', {
    timeout: 60_000,
  }, async () => {
    const stack = await stackFor('hetzner');
    const [id, wall] = [server()?.id, server()?.firewallIds[0]];
    const old = await open(stack.program(input, access));
    // What a crash leaves at worst: the cloud has it, the state knows nothing.
    await old.workspace.removeStack(stackName, { force: true });
    const adopt = { serverId: String(id), firewallId: String(wall) };
    const next = await open(stack.program({ ...input, userData: '#unknown\n', adopt }, access));
    const before = cloud.requestCount();
    expect((await next.up()).summary.resourceChanges).toMatchObject({ create: 2, import: 2 });
    // Taking over only reads: a machine that is just booting isn't switched off.
    const writes = cloud
      .requests()
      .slice(before - cloud.requestCount())
      .filter(({ method }) => method !== 'GET');
    expect(writes.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
    expect(cloud.servers().map((entry) => entry.id)).toEqual([id]);
    const later = await open(stack.program(input, access));
    expect((await later.up()).summary.resourceChanges).toEqual({ same: 4 });
  });

  test('is destroyed with the token of today, not the one of its state', { timeout: 60_000 }, async () => {
    const stack = await stackFor('hetzner');
    const fresh = cloud.issueToken({ project: 'p', powers: 'read_write' });
    const before = cloud.requestCount();
    const mark = (entries: ReturnType<typeof cloud.requests>) => [
      ...new Set(entries.map((entry) => entry.token)),
    ];
    const [oldMark] = mark(cloud.requests().slice(-1));
    await (await open(stack.accessOnly({ ...access, token: fresh }))).destroy({ runProgram: true });
    expect(cloud.servers()).toEqual([]);
    const made = cloud.requests().slice(before - cloud.requestCount());
    expect(made.length).toBeGreaterThan(0);
    expect(mark(made)).not.toContain(oldMark);
  });
});
