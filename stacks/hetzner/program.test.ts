import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { engineFromCache } from '@claw-cloud/engine';
import {
  createHetznerCloud,
  createPaperMachines,
  hetznerSpec,
  type Listening,
  listen,
} from '@claw-cloud/fake-clouds';
import { createSpecValidator } from '@claw-cloud/fake-clouds/spec';
import { LocalWorkspace, PulumiCommand, type Stack as PulumiStack } from '@pulumi/pulumi/automation/index.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Stack, type StackAccess, type StackInput, stackIn } from '../registry.ts';

const specPath = join(
  process.env.CLAW_SPECS_DIR ?? fileURLToPath(new URL('../../../shared/specs', import.meta.url)),
  'hetzner.json',
);
const stackName = 'ins_000000000000000000000001';
const userData = '#cloud-config\n# canary-user-data-canary\n';
const input: StackInput = {
  instanceId: stackName,
  name: 'claw-ins-000000000000000000000001',
  tag: `claw-${stackName}`,
  labelKey: 'claw-cloud',
  region: 'fsn1',
  size: 'cx23',
  image: 'debian-13',
  userData,
};

/** Nothing is said in several ways, and rules are a set. */
function canonical(value: unknown): string {
  const entries = Array.isArray(value) ? value : [value ?? []].flat();
  return JSON.stringify(
    entries.map((entry) => JSON.stringify(entry, (_key, inner) => inner || undefined)).sort(),
  );
}

describe('the Hetzner stack through the real engine', () => {
  const dir = mkdtempSync(join(tmpdir(), 'claw-stack-test-'));
  const machines = createPaperMachines();
  const spec = existsSync(specPath) ? createSpecValidator(specPath, hetznerSpec) : null;
  const cloud = createHetznerCloud({
    machines,
    actionMs: 5,
    ...(spec ? { validate: spec.middleware } : {}),
  });
  const token = cloud.issueToken({ project: 'p', powers: 'read_write' });
  let web: Listening;
  let access: StackAccess;
  let command: PulumiCommand;
  let pulumiHome: string;
  let count = 0;

  beforeAll(async () => {
    const engine = await engineFromCache();
    pulumiHome = engine.pulumiHome;
    command = await PulumiCommand.get({ root: engine.pulumiRoot });
    web = await listen(cloud.app.fetch, 0);
    access = { credential: { token }, endpoint: `${web.origin}/v1`, region: 'fsn1' };
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
  const writesSince = (count: number) =>
    cloud
      .requests()
      .slice(count - cloud.requestCount())
      .filter(({ method }) => method !== 'GET')
      .map(({ method, path }) => `${method} ${path}`);

  /** What a refresh finds changed, as `type property`, without what the stack calls no drift. */
  async function differences(opened: PulumiStack, { notDrift = {} }: Stack): Promise<string[]> {
    const found = new Set<string>();
    await opened.refresh({
      onEvent: ({ resOutputsEvent }) => {
        const step = resOutputsEvent?.metadata;
        const [before, after] = [step?.old?.outputs ?? {}, step?.new?.outputs ?? {}];
        for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
          const hidden = name.startsWith('__') || notDrift[step?.type ?? '']?.includes(name);
          const texts = [before[name], after[name]].map(canonical);
          if (!hidden && texts[0] !== texts[1]) found.add(`${step?.type} ${name}`);
        }
      },
    });
    return [...found].sort();
  }

  test('makes one server behind a firewall that lets nothing in', { timeout: 300_000 }, async () => {
    const stack = await stackIn('hetzner');
    const { outputs } = await (await open(stack.program(input, access))).up();
    expect(cloud.servers()).toHaveLength(1);
    expect(server()).toMatchObject({
      name: input.name,
      labels: { 'claw-cloud': input.tag },
      serverType: 'cx23',
      location: 'fsn1',
    });
    expect(server()?.firewallIds.map(String)).toHaveLength(1);
    const [wall] = Object.values(cloud.projects()).flatMap((project) => project.firewalls);
    expect(wall?.rules.map(({ direction }) => direction)).toEqual(['out', 'out', 'out']);
    expect(String(server()?.id)).toBe(outputs.serverId?.value);
    expect(server()?.ipv4Id).not.toBe(null);
    expect(server()?.ipv6Id).not.toBe(null);
    const firewalls = cloud
      .requests()
      .filter((entry) => entry.method === 'POST' && entry.path === '/firewalls');
    expect(firewalls).toHaveLength(1);
    expect([...machines.specs.values()][0]?.userData).toBe(userData);
  });

  test('changes nothing afterwards, even with other user-data', { timeout: 300_000 }, async () => {
    const stack = await stackIn('hetzner');
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
    timeout: 300_000,
  }, async () => {
    const stack = await stackIn('hetzner');
    const [id, wall] = [server()?.id, server()?.firewallIds[0]];
    const old = await open(stack.program(input, access));
    // What a crash leaves at worst: the cloud has it, the state knows nothing.
    await old.workspace.removeStack(stackName, { force: true });
    const adopt = { server: String(id), firewall: String(wall) };
    const next = await open(stack.program({ ...input, userData: '#unknown\n', adopt }, access));
    const before = cloud.requestCount();
    expect((await next.up()).summary.resourceChanges).toMatchObject({ create: 2, import: 2 });
    // Taking over only reads: a machine that is just booting isn't switched off.
    expect(writesSince(before)).toEqual([]);
    expect(cloud.servers().map((entry) => entry.id)).toEqual([id]);
    const later = await open(stack.program(input, access));
    expect((await later.up()).summary.resourceChanges).toEqual({ same: 4 });
  });

  test('resizes what it took over in place, and keeps the disk', { timeout: 300_000 }, async () => {
    const stack = await stackIn('hetzner');
    const id = server()?.id;
    const larger = await open(stack.program({ ...input, size: 'cx33' }, access));
    const before = cloud.requestCount();
    expect((await larger.up()).summary.resourceChanges).toEqual({ same: 3, update: 1 });
    await cloud.idle();
    expect(server()).toMatchObject({ id, serverType: 'cx33', primaryDiskSize: 40, status: 'running' });
    expect(writesSince(before)).toEqual([
      `POST /servers/${id}/actions/poweroff`,
      `POST /servers/${id}/actions/change_type`,
    ]);
    const back = await open(stack.program(input, access));
    expect((await back.up()).summary.resourceChanges).toEqual({ same: 3, update: 1 });
    await cloud.idle();
    expect(server()).toMatchObject({ id, serverType: 'cx23' });
  });

  test('sees a firewall that was opened by hand, and closes it', { timeout: 300_000 }, async () => {
    const stack = await stackIn('hetzner');
    const wall = server()?.firewallIds[0] ?? 0;
    cloud.byHand.openFirewall(wall);
    const same = await open(stack.program(input, access));
    expect(await differences(same, stack)).toEqual(['hcloud:index/firewall:Firewall rules']);
    const before = cloud.requestCount();
    expect((await same.up()).summary.resourceChanges).toEqual({ same: 3, update: 1 });
    expect(writesSince(before)).toEqual([`POST /firewalls/${wall}/actions/set_rules`]);
    expect(await differences(same, stack)).toEqual([]);
  });

  test('sees a firewall that was taken off the server, and puts it back', { timeout: 300_000 }, async () => {
    const stack = await stackIn('hetzner');
    const [id, wall] = [server()?.id, server()?.firewallIds[0]];
    await cloud.app.request(`/v1/firewalls/${wall}/actions/remove_from_resources`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ remove_from: [{ type: 'server', server: { id } }] }),
    });
    const same = await open(stack.program(input, access));
    expect(await differences(same, stack)).toContain('hcloud:index/server:Server firewallIds');
    await same.up();
    expect(server()?.firewallIds).toEqual([wall]);
    expect(await differences(same, stack)).toEqual([]);
  });

  test('takes what the cloud changes by itself for no drift', { timeout: 300_000 }, async () => {
    const stack = await stackIn('hetzner');
    await cloud.app.request(`/v1/servers/${server()?.id}/actions/poweroff`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    });
    await cloud.idle();
    const same = await open(stack.program(input, access));
    expect(await differences(same, stack)).toEqual([]);
    expect((await same.up()).summary.resourceChanges).toEqual({ same: 4 });
    expect(server()?.status).toBe('off');
  });

  test('is destroyed with the token of today, not the one of its state', { timeout: 300_000 }, async () => {
    const stack = await stackIn('hetzner');
    const fresh = cloud.issueToken({ project: 'p', powers: 'read_write' });
    const before = cloud.requestCount();
    const mark = (entries: ReturnType<typeof cloud.requests>) => [
      ...new Set(entries.map((entry) => entry.token)),
    ];
    const [oldMark] = mark(cloud.requests().slice(-1));
    await (await open(stack.accessOnly({ ...access, credential: { token: fresh } }))).destroy({
      runProgram: true,
    });
    expect(cloud.servers()).toEqual([]);
    const made = cloud.requests().slice(before - cloud.requestCount());
    expect(made.length).toBeGreaterThan(0);
    expect(mark(made)).not.toContain(oldMark);
  });

  test('the engine’s plugin kept to the vendor’s description in all of this', ({ skip }) => {
    if (!spec) return skip('the vendor’s description is not here (CLAW_SPECS_DIR says where)');
    expect(spec.violations).toEqual([]);
    expect([...spec.seen]).toContain('POST /servers/{id}/actions/change_type');
  });
});
