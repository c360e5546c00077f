import * as vultr from '@ediri/vultr';
import * as pulumi from '@pulumi/pulumi';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, type Recorded, type Recorder, startRecorder } from '../testing/recorder.ts';
import { startEngine, type TestEngine } from '../testing/stack.ts';

const limit = { timeout: 240_000 };
const userData = '#cloud-config\n# canary\n';

/** As much of Vultr as one server, one group and one rule meet. */
function pretend() {
  const things = new Map<string, Record<string, unknown>>();
  let polls = 0;
  const gone = (text: string): Answer => ({ status: 404, json: { error: text, status: 404 } });
  function answer({ method, path, body }: Recorded): Answer {
    const sent = body === '' ? {} : (JSON.parse(body) as Record<string, unknown>);
    if (path === '/v2/instances' && sent.plan === 'refused') {
      return { status: 400, json: { error: 'Invalid plan.', status: 400 } };
    }
    if (path === '/v2/instances') {
      things.set('/v2/instances/m1', {
        ...sent,
        id: 'm1',
        status: 'pending',
        power_status: 'running',
        main_ip: '203.0.113.7',
        tags: sent.tags ?? [],
      });
      return { status: 202, json: { instance: { id: 'm1', default_password: 'pw-canary' } } };
    }
    if (path === '/v2/firewalls') {
      things.set('/v2/firewalls/g1', { id: 'g1', ...sent });
      return { status: 201, json: { firewall_group: { id: 'g1' } } };
    }
    if (path === '/v2/firewalls/g1/rules') {
      things.set('/v2/firewalls/g1/rules/4', { id: 4, ...sent });
      return { status: 201, json: { firewall_rule: { id: 4 } } };
    }
    if (path.endsWith('/backup-schedule')) return { json: { backup_schedule: { enabled: false } } };
    if (path.endsWith('/vpcs')) return { json: { vpcs: [] } };
    const thing = things.get(path);
    if (!thing)
      return gone(path.includes('instances') ? 'invalid instance ID' : 'Firewall rule ID not found.');
    if (method === 'DELETE') {
      things.delete(path);
      return { status: 204, text: '' };
    }
    if (method === 'PATCH') Object.assign(thing, sent);
    polls += 1;
    if (polls > 2 && thing.status) thing.status = 'active';
    const key = path.includes('instances')
      ? 'instance'
      : path.includes('rules')
        ? 'firewall_rule'
        : 'firewall_group';
    return { json: { [key]: thing } };
  }
  return { answer, things };
}

const cloud = pretend();
let web: Recorder;
let engine: TestEngine;

beforeAll(async () => {
  web = await startRecorder(cloud.answer);
  engine = await startEngine('vultr', { VULTR_API_URL: `${web.origin}/v2` });
});
afterAll(async () => {
  engine.end();
  await web.close();
});

type Ids = { group?: string; rule?: string; machine?: string };
const program =
  (plan = 'vc2-1c-2gb', ids: Ids = {}) =>
  async () => {
    const provider = new vultr.Provider('cloud', { apiKey: pulumi.secret('KEY-CANARY'), retryLimit: -1 });
    const from = (id: string | undefined) => ({ provider, ...(id ? { import: id } : {}) });
    const group = new vultr.FirewallGroup('group', { description: 'claw-ins_1' }, from(ids.group));
    new vultr.FirewallRule(
      'rule',
      {
        firewallGroupId: group.id,
        ipType: 'v4',
        protocol: 'tcp',
        subnet: '0.0.0.0',
        subnetSize: 0,
        port: '22',
      },
      from(ids.rule),
    );
    const machine = new vultr.Instance(
      'machine',
      {
        region: 'fra',
        plan,
        osId: 2625,
        label: 'claw-ins-1',
        hostname: 'claw-ins-1',
        tags: ['claw-ins_1'],
        userData: pulumi.secret(userData),
        enableIpv6: true,
        backups: 'disabled',
        firewallGroupId: group.id,
      },
      { ...from(ids.machine), ignoreChanges: ['userData', 'label', 'enableIpv6'] },
    );
    return { id: machine.id, address: machine.mainIp };
  };

test('makes a server in a group, and waits until it is active and runs', limit, async () => {
  const up = await (await engine.open(program())).up();
  expect(up.outputs).toMatchObject({ id: { value: 'm1' }, address: { value: '203.0.113.7' } });
  const made = web.requests.find(({ method, path }) => method === 'POST' && path === '/v2/instances');
  expect(made?.headers.authorization).toBe('Bearer KEY-CANARY');
  expect(JSON.parse(made?.body ?? '')).toEqual({
    region: 'fra',
    plan: 'vc2-1c-2gb',
    label: 'claw-ins-1',
    hostname: 'claw-ins-1',
    os_id: 2625,
    firewall_group_id: 'g1',
    backups: 'disabled',
    user_data: Buffer.from(userData).toString('base64'),
    tags: ['claw-ins_1'],
    enable_ipv6: true,
    disable_public_ipv4: false,
    activation_email: false,
    ddos_protection: false,
  });
  // The group's rules are made beside the server, in no order with it.
  const ofMachine = web.taken().filter((call) => call.includes('/v2/instances'));
  expect(ofMachine.slice(-3)).toEqual([
    'GET /v2/instances/m1',
    'GET /v2/instances/m1/backup-schedule',
    'GET /v2/instances/m1/vpcs',
  ]);
});

test('sees no difference afterwards, and changes the plan in place', limit, async () => {
  const stack = await engine.open(program());
  expect((await stack.refresh()).summary.resourceChanges).toEqual({ same: 5 });
  expect((await stack.up()).summary.resourceChanges).toEqual({ same: 5 });
  web.taken();
  const larger = await engine.open(program('vc2-2c-4gb'));
  expect((await larger.up()).summary.resourceChanges).toMatchObject({ update: 1, same: 4 });
  const patch = web.requests.find(({ method }) => method === 'PATCH');
  expect(JSON.parse(patch?.body ?? '')).toEqual({
    plan: 'vc2-2c-4gb',
    label: 'claw-ins-1',
    firewall_group_id: 'g1',
    enable_ipv6: true,
  });
});

test('takes over what is there already and writes nothing', limit, async () => {
  const old = await engine.open(program());
  await old.workspace.removeStack('life', { force: true });
  web.taken();
  const stack = await engine.open(program('vc2-2c-4gb', { group: 'g1', rule: 'g1,4', machine: 'm1' }));
  expect((await stack.up()).summary.resourceChanges).toMatchObject({ create: 2, import: 3 });
  expect(web.taken().filter((call) => !call.startsWith('GET'))).toEqual([]);
  expect((await (await engine.open(program('vc2-2c-4gb'))).up()).summary.resourceChanges).toEqual({
    same: 5,
  });
});

test('makes a rule again that was deleted by hand', limit, async () => {
  cloud.things.delete('/v2/firewalls/g1/rules/4');
  const stack = await engine.open(program('vc2-2c-4gb'));
  expect((await stack.refresh()).summary.resourceChanges).toMatchObject({ delete: 1, same: 4 });
  expect((await stack.up()).summary.resourceChanges).toMatchObject({ create: 1, same: 4 });
});

test('destroys each thing by one call', limit, async () => {
  web.taken();
  await (await engine.open(program())).destroy();
  expect(web.taken().sort()).toEqual([
    'DELETE /v2/firewalls/g1',
    'DELETE /v2/firewalls/g1/rules/4',
    'DELETE /v2/instances/m1',
  ]);
  expect([...cloud.things]).toEqual([]);
});

test('tells a refusal in the words of the API', limit, async () => {
  const stack = await engine.open(program('refused'), 'refused');
  await expect(stack.up()).rejects.toThrow('error creating server: {"error":"Invalid plan.","status":400}');
});
