import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { engineFromCache } from '@claw-cloud/engine';
import { createPaperMachines, type Listening, listen } from '@claw-cloud/fake-clouds';
import { createDigitalOceanCloud } from '@claw-cloud/fake-clouds/digitalocean';
import { createDigitalOceanSpec } from '@claw-cloud/fake-clouds/digitalocean/spec';
import { LocalWorkspace, PulumiCommand, type Stack as PulumiStack } from '@pulumi/pulumi/automation/index.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Stack, type StackAccess, type StackInput, stackIn } from '../registry.ts';

const stackName = 'ins_000000000000000000000001';
const userData = '#cloud-config\n# canary-user-data-canary\n';
const input: StackInput = {
  instanceId: stackName,
  name: 'claw-ins-000000000000000000000001',
  tag: `claw-${stackName}`,
  labelKey: 'claw-cloud',
  region: 'fra1',
  size: 's-1vcpu-2gb',
  image: 'debian-13-x64',
  userData,
};
const limit = { timeout: 100_000 };

const specsDir =
  process.env.CLAW_SPECS_DIR ?? fileURLToPath(new URL('../../../shared/specs', import.meta.url));
const specPath = join(specsDir, 'digitalocean.json');
const absent = !existsSync(specPath);
const note = `SKIPPED: the vendor's description is not at ${specPath} (CLAW_SPECS_DIR says where)`;
if (absent) console.warn(note);

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly token: string;
  readonly body: string;
}

describe('the DigitalOcean stack through the real engine', () => {
  const dir = mkdtempSync(join(tmpdir(), 'claw-stack-test-'));
  const seen: Seen[] = [];
  const spec = absent ? null : createDigitalOceanSpec(specPath);
  const cloud = createDigitalOceanCloud({
    machines: createPaperMachines(),
    actionMs: 5,
    async validate(c, next) {
      const body = await c.req.raw.clone().text();
      await (spec ? spec.middleware(c, next) : next());
      const { pathname: path } = new URL(c.req.url);
      seen.push({ method: c.req.method, path, token: c.get('tokenMark'), body });
    },
  });
  const account = cloud.account('team');
  const token = cloud.issueToken({ account: 'team', scopes: 'all' });
  let web: Listening;
  let access: StackAccess;
  let command: PulumiCommand;
  let pulumiHome: string;
  let stack: Stack;
  let count = 0;

  beforeAll(async () => {
    const engine = await engineFromCache();
    pulumiHome = engine.pulumiHome;
    command = await PulumiCommand.get({ root: engine.pulumiRoot });
    web = await listen(cloud.app.fetch, 0);
    access = { credential: { token }, endpoint: web.origin, region: 'fra1' };
    stack = await stackIn('digitalocean');
  });
  afterAll(async () => {
    await cloud.close();
    await web.close();
    rmSync(dir, { recursive: true, force: true });
  });

  async function open(program: () => Promise<unknown>): Promise<PulumiStack> {
    count += 1;
    return LocalWorkspace.createOrSelectStack(
      { stackName, projectName: stack.project, program: program as () => Promise<Record<string, unknown>> },
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
  const droplet = () => account.droplets[0];
  const wall = () => account.firewalls[0];
  const writesSince = (index: number) =>
    seen
      .slice(index)
      .filter(({ method }) => method !== 'GET')
      .map(({ method, path }) => `${method} ${path}`);

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

  test('makes one droplet behind a firewall that lets nothing in and is there before it', limit, async () => {
    const { outputs } = await (await open(stack.program(input, access))).up();
    expect(account.droplets).toHaveLength(1);
    expect(droplet()).toMatchObject({
      name: input.name,
      tags: [input.tag],
      size: 's-1vcpu-2gb',
      region: 'fra1',
      status: 'active',
      userData,
      sshKeys: [],
      features: ['ipv6', 'private_networking'],
    });
    expect(String(droplet()?.id)).toBe(outputs.serverId?.value);
    expect(wall()).toMatchObject({ name: input.name, inbound: [], tags: [input.tag] });
    expect(wall()?.outbound.map((rule) => [rule.protocol, rule.ports])).toEqual([
      ['tcp', '1-65535'],
      ['udp', '1-65535'],
      ['icmp', '0'],
    ]);
    expect(account.tags).toEqual([input.tag]);
    expect(writesSince(0)).toEqual(['POST /v2/tags', 'POST /v2/firewalls', 'POST /v2/droplets']);
    const asked = seen.find(({ method, path }) => method === 'POST' && path === '/v2/droplets');
    expect(JSON.parse(asked?.body ?? '')).toMatchObject({ with_droplet_agent: false, monitoring: false });
  });

  test('changes nothing afterwards, even with other user-data', limit, async () => {
    const again = await open(stack.program({ ...input, userData: '#other\n' }, access));
    expect(await differences(again)).toEqual([]);
    expect((await again.up()).summary.resourceChanges).toEqual({ same: 5 });
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

  test('resizes in place, CPU and memory alone, and back again', limit, async () => {
    const id = droplet()?.id;
    const adopt = { server: String(id), firewall: wall()?.id ?? '', tag: input.tag };
    const larger = await open(stack.program({ ...input, size: 's-4vcpu-8gb', adopt }, access));
    const before = seen.length;
    expect((await larger.up()).summary.resourceChanges).toEqual({ same: 4, update: 1 });
    expect(droplet()).toMatchObject({ id, size: 's-4vcpu-8gb', disk: 50, status: 'active' });
    expect(
      seen
        .slice(before)
        .filter(({ method }) => method === 'POST')
        .map(({ body }) => JSON.parse(body)),
    ).toEqual([
      { type: 'power_off' },
      { type: 'resize', disk: false, size: 's-4vcpu-8gb' },
      { type: 'power_on' },
    ]);
    const back = await open(stack.program({ ...input, adopt }, access));
    expect((await back.up()).summary.resourceChanges).toEqual({ same: 4, update: 1 });
    expect(droplet()).toMatchObject({ id, size: 's-1vcpu-2gb', disk: 50, status: 'active' });
  });

  test('sees a firewall that was opened by hand, and closes it', limit, async () => {
    cloud.byHand.openFirewall(wall()?.id ?? '');
    const same = await open(stack.program(input, access));
    expect(await differences(same)).toEqual(['Firewall inboundRules']);
    const before = seen.length;
    expect((await same.up()).summary.resourceChanges).toEqual({ same: 4, update: 1 });
    expect(writesSince(before)).toEqual([`PUT /v2/firewalls/${wall()?.id}`]);
    expect(wall()).toMatchObject({ inbound: [], tags: [input.tag] });
    expect(await differences(same)).toEqual([]);
  });

  test(
    'sees a tag that was deleted by hand, and puts droplet and firewall under it again',
    limit,
    async () => {
      const id = droplet()?.id;
      account.tags = [];
      for (const row of [...account.droplets, ...account.firewalls]) row.tags = [];
      const same = await open(stack.program(input, access));
      await same.refresh();
      await same.up();
      expect(droplet()).toMatchObject({ id, tags: [input.tag] });
      expect(wall()?.tags).toEqual([input.tag]);
      expect(account.tags).toEqual([input.tag]);
    },
  );

  test('takes what the cloud changes by itself for no drift', limit, async () => {
    const row = droplet();
    if (!row) throw new Error('there is no droplet');
    row.status = 'off';
    const same = await open(stack.program(input, access));
    expect(await differences(same)).toEqual([]);
    expect((await same.up()).summary.resourceChanges).toEqual({ same: 5 });
    expect(row.status).toBe('off');
    row.status = 'active';
  });

  test('takes over what is there already instead of making a second one', limit, async () => {
    const id = droplet()?.id;
    const old = await open(stack.program(input, access));
    // What a crash leaves at worst: the cloud has it, the state knows nothing.
    await old.workspace.removeStack(stackName, { force: true });
    const adopt = { server: String(id), firewall: wall()?.id ?? '', tag: input.tag };
    const next = await open(stack.program({ ...input, userData: '#unknown\n', adopt }, access));
    const before = seen.length;
    expect((await next.up()).summary.resourceChanges).toEqual({ create: 2, import: 3 });
    // Taking over only reads: a machine that is just booting isn't switched off.
    expect(writesSince(before)).toEqual([]);
    expect(account.droplets.map((row) => row.id)).toEqual([id]);
    const later = await open(stack.program({ ...input, adopt }, access));
    expect((await later.up()).summary.resourceChanges).toEqual({ same: 5 });
    expect(writesSince(before)).toEqual([]);
  });

  test('keeps the disk also of a droplet that was taken over', limit, async () => {
    const adopt = { server: String(droplet()?.id), firewall: wall()?.id ?? '', tag: input.tag };
    const larger = { ...input, size: 's-4vcpu-8gb', adopt, serverInState: true };
    const before = seen.length;
    expect((await (await open(stack.program(larger, access))).up()).summary.resourceChanges).toEqual({
      same: 4,
      update: 1,
    });
    expect(droplet()).toMatchObject({ size: 's-4vcpu-8gb', disk: 50 });
    expect(writesSince(before)).toHaveLength(3);
  });

  test('makes no second droplet where the first was made and not confirmed', limit, async () => {
    await (await open(stack.accessOnly(access))).destroy({ runProgram: true });
    cloud.faults.add({ kind: 'error_after_effect', times: 1 });
    const first = await open(stack.program(input, access));
    await expect(first.up()).rejects.toThrow(/POST \S+\/v2\/droplets: 500/);
    expect(account.droplets).toHaveLength(1);
    const adopt = { server: String(droplet()?.id), firewall: wall()?.id ?? '', tag: input.tag };
    await cloud.idle();
    await (await open(stack.program({ ...input, adopt }, access))).up();
    expect(account.droplets).toHaveLength(1);
  });

  test('is destroyed with the token of today, to the last tag', limit, async () => {
    const fresh = cloud.issueToken({ account: 'team', scopes: 'all' });
    const old = seen.at(-1)?.token;
    const before = seen.length;
    const today = { ...access, credential: { token: fresh } };
    await (await open(stack.accessOnly(today))).destroy({ runProgram: true });
    expect(account).toMatchObject({ droplets: [], firewalls: [], tags: [] });
    const marks = new Set(seen.slice(before).map((request) => request.token));
    expect(marks.size).toBe(1);
    expect(marks).not.toContain(old);
  });

  test('and all of this keeps to the vendor description', ({ skip }) => {
    skip(absent, note);
    expect(spec?.violations).toEqual([]);
    expect(spec?.seen.size).toBeGreaterThan(10);
  });
});
