import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as digitalocean from '@pulumi/digitalocean';
import * as pulumi from '@pulumi/pulumi';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, type Recorded, type Recorder, startRecorder } from '../testing/recorder.ts';
import { startEngine, type TestEngine } from '../testing/stack.ts';

const limit = { timeout: 240_000 };
const userData = '#cloud-config\n# canary\n';
const tag = 'claw-ins_1';

type Machine = Record<string, unknown> & { id: number; status: string; size_slug: string; tags: string[] };

/** As much of DigitalOcean as one droplet and one firewall meet. */
function pretend() {
  const machines = new Map<number, Machine>();
  const walls = new Map<string, Record<string, unknown>>();
  let fault: Answer | undefined;
  let polls = 0;
  const view = (machine: Machine) => ({
    ...machine,
    size: { slug: machine.size_slug, price_hourly: 0.01786, price_monthly: 12 },
  });
  function answer({ method, path, body }: Recorded): Answer {
    if (fault) {
      const given = fault;
      fault = undefined;
      return given;
    }
    const sent = body === '' ? {} : (JSON.parse(body) as Record<string, unknown>);
    const id = Number(path.split('/')[3]);
    const gone = {
      status: 404,
      json: { id: 'not_found', message: 'The resource you were accessing could not be found.' },
    };
    if (path === '/v2/droplets') {
      const machine: Machine = {
        id: 101,
        name: sent.name,
        status: 'new',
        locked: false,
        region: { slug: sent.region },
        size_slug: String(sent.size),
        image: { id: 5, slug: sent.image },
        tags: (sent.tags ?? []) as string[],
        features: sent.ipv6 ? ['ipv6', 'droplet_agent'] : [],
        networks: { v4: [{ type: 'public', ip_address: '203.0.113.9' }], v6: [] },
        volume_ids: [],
        vpc_uuid: 'vpc-1',
      };
      machines.set(101, machine);
      return { status: 202, json: { droplet: view(machine) } };
    }
    if (path.startsWith('/v2/actions/')) return { json: { action: { id: 9, status: 'completed' } } };
    if (path.endsWith('/actions')) {
      const machine = machines.get(id)!;
      if (sent.type === 'power_off') machine.status = 'off';
      if (sent.type === 'power_on') machine.status = 'active';
      if (sent.type === 'resize') machine.size_slug = String(sent.size);
      return { status: 201, json: { action: { id: 9, status: 'in-progress' } } };
    }
    if (path.startsWith('/v2/droplets/')) {
      const machine = machines.get(id);
      if (!machine) return gone;
      if (method === 'DELETE') {
        machines.delete(id);
        return { status: 204, text: '' };
      }
      polls += 1;
      if (machine.status === 'new' && polls > 2) machine.status = 'active';
      return { json: { droplet: view(machine) } };
    }
    if (path === '/v2/firewalls' || method === 'PUT') {
      walls.set('wall-1', { id: 'wall-1', status: 'succeeded', droplet_ids: [], ...sent });
      return { json: { firewall: walls.get('wall-1') } };
    }
    const wall = walls.get('wall-1');
    if (!wall) return gone;
    if (method === 'DELETE') {
      walls.delete('wall-1');
      return { status: 204, text: '' };
    }
    return { json: { firewall: wall } };
  }
  return { answer, machines, walls, fail: (next: Answer) => (fault = next) };
}

let cloud: ReturnType<typeof pretend>;
let web: Recorder;
let engine: TestEngine;

beforeAll(async () => {
  cloud = pretend();
  web = await startRecorder((request) => cloud.answer(request));
  engine = await startEngine('digitalocean');
});
afterAll(async () => {
  engine.end();
  await web.close();
});

const rules = [{ protocol: 'tcp', portRange: 'all', destinationAddresses: ['0.0.0.0/0', '::/0'] }];
function program(
  size = 's-1vcpu-2gb',
  extra: Record<string, unknown> = {},
  ids: { wall?: string; machine?: string } = {},
) {
  return async () => {
    const provider = new digitalocean.Provider('cloud', {
      token: pulumi.secret('dop_v1_canary'),
      apiEndpoint: web.origin,
      httpRetryMax: 0,
    });
    const wall = new digitalocean.Firewall(
      'wall',
      { name: 'claw-ins-1', tags: [tag], outboundRules: rules },
      { provider, ...(ids.wall ? { import: ids.wall } : {}) },
    );
    const machine = new digitalocean.Droplet(
      'machine',
      {
        name: 'claw-ins-1',
        image: 'debian-13-x64',
        region: 'fra1',
        size,
        ipv6: true,
        monitoring: false,
        dropletAgent: false,
        userData: pulumi.secret(userData),
        tags: [tag],
        ...extra,
      },
      { provider, ignoreChanges: ['userData', 'image'], ...(ids.machine ? { import: ids.machine } : {}) },
    );
    return { id: machine.id, address: machine.ipv4Address, wall: wall.id };
  };
}

test('makes a droplet and waits until it is active', limit, async () => {
  const up = await (await engine.open(program())).up();
  expect(up.outputs).toMatchObject({ id: { value: '101' }, address: { value: '203.0.113.9' } });
  const made = web.requests.find(({ path }) => path === '/v2/droplets');
  expect(made?.headers.authorization).toBe('Bearer dop_v1_canary');
  expect(JSON.parse(made?.body ?? '')).toEqual({
    name: 'claw-ins-1',
    region: 'fra1',
    size: 's-1vcpu-2gb',
    image: 'debian-13-x64',
    ssh_keys: [],
    backups: false,
    ipv6: true,
    private_networking: false,
    monitoring: false,
    user_data: userData,
    tags: [tag],
    with_droplet_agent: false,
  });
  const asked = web.taken();
  expect(asked.filter((call) => call.includes('firewalls'))).toEqual([
    'POST /v2/firewalls',
    'GET /v2/firewalls/wall-1',
  ]);
  expect(asked.filter((call) => call === 'GET /v2/droplets/101').length).toBeGreaterThan(1);
});

test('keeps neither token nor user-data in clear', limit, async () => {
  const stack = await engine.open(program());
  const state = JSON.stringify(await stack.workspace.exportStack('life'));
  const files = readdirSync(join(engine.dir, 'state'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
  expect(state).toContain('claw-ins-1');
  expect(files).toContain('claw-ins-1');
  for (const secret of ['dop_v1_canary', '# canary']) expect(files).not.toContain(secret);
});

test('sees no difference afterwards, with or without a refresh', limit, async () => {
  const stack = await engine.open(program());
  expect((await stack.refresh()).summary.resourceChanges).toEqual({ same: 4 });
  expect((await stack.up()).summary.resourceChanges).toEqual({ same: 4 });
  expect((await stack.preview()).changeSummary).toEqual({ same: 4 });
});

test('shows a firewall that was opened by hand, and closes it', limit, async () => {
  const wall = cloud.walls.get('wall-1')!;
  wall.inbound_rules = [{ protocol: 'tcp', ports: '22', sources: { addresses: ['0.0.0.0/0'] } }];
  const stack = await engine.open(program());
  expect((await stack.refresh()).summary.resourceChanges).toMatchObject({ update: 1 });
  web.taken();
  expect((await stack.up()).summary.resourceChanges).toMatchObject({ update: 1, same: 3 });
  expect(web.taken()).toEqual(['PUT /v2/firewalls/wall-1', 'GET /v2/firewalls/wall-1']);
  expect(cloud.walls.get('wall-1')?.inbound_rules).toBe(null);
});

test('resizes in place: off, resize, on', limit, async () => {
  web.taken();
  const stack = await engine.open(program('s-2vcpu-4gb', { resizeDisk: false }));
  expect((await stack.up()).summary.resourceChanges).toMatchObject({ update: 1, same: 3 });
  const bodies = web.requests.filter(({ method }) => method === 'POST').map(({ body }) => JSON.parse(body));
  expect(bodies).toEqual([
    { type: 'power_off' },
    { type: 'resize', disk: false, size: 's-2vcpu-4gb' },
    { type: 'power_on' },
  ]);
  expect(cloud.machines.get(101)?.size_slug).toBe('s-2vcpu-4gb');
});

test('replaces for another region, and says so before it does', limit, async () => {
  const stack = await engine.open(program('s-2vcpu-4gb', { region: 'ams3', resizeDisk: false }));
  expect((await stack.preview()).changeSummary).toMatchObject({ replace: 1, same: 3 });
});

test('takes over what is there already and writes nothing', limit, async () => {
  const old = await engine.open(program());
  await old.workspace.removeStack('life', { force: true });
  web.taken();
  const stack = await engine.open(program('s-2vcpu-4gb', {}, { wall: 'wall-1', machine: '101' }));
  expect((await stack.up()).summary.resourceChanges).toMatchObject({ create: 2, import: 2 });
  expect(web.taken().filter((call) => !call.startsWith('GET'))).toEqual([]);
  const later = await engine.open(program('s-2vcpu-4gb'));
  expect((await later.up()).summary.resourceChanges).toEqual({ same: 4 });
});

test('forgets a droplet that was deleted by hand', limit, async () => {
  const kept = cloud.machines.get(101)!;
  cloud.machines.clear();
  const stack = await engine.open(program('s-2vcpu-4gb'));
  expect((await stack.refresh()).summary.resourceChanges).toMatchObject({ delete: 1, same: 3 });
  cloud.machines.set(101, kept);
  const again = await engine.open(program('s-2vcpu-4gb', {}, { machine: '101' }));
  expect((await again.up()).summary.resourceChanges).toMatchObject({ import: 1, same: 3 });
});

test('destroys, and waits until the droplet is gone', limit, async () => {
  web.taken();
  await (await engine.open(program())).destroy();
  const asked = web.taken();
  expect(asked).toContain('DELETE /v2/firewalls/wall-1');
  expect(asked.filter((call) => call.includes('droplets'))).toEqual([
    'GET /v2/droplets/101',
    'DELETE /v2/droplets/101',
    'GET /v2/droplets/101',
  ]);
  expect([...cloud.machines, ...cloud.walls]).toEqual([]);
});

test('tells a refusal in godo’s words', limit, async () => {
  cloud.fail({
    status: 422,
    headers: { 'x-request-id': 'req-7' },
    json: {
      id: 'unprocessable_entity',
      message: 'creating this/these droplet(s) will exceed your droplet limit',
    },
  });
  const stack = await engine.open(async () => {
    const provider = new digitalocean.Provider('cloud', { token: 't', apiEndpoint: web.origin });
    new digitalocean.Droplet('one', { image: 'a', region: 'b', size: 'c' }, { provider });
  }, 'refused');
  await expect(stack.up()).rejects.toThrow(
    `Error creating droplet: POST ${web.origin}/v2/droplets: 422 (request "req-7") creating this/these droplet(s) will exceed your droplet limit`,
  );
});

test('refuses a property it does not know and one that is missing', limit, async () => {
  const stack = await engine.open(async () => {
    const provider = new digitalocean.Provider('cloud', { token: 't', apiEndpoint: web.origin });
    const wrong = { image: 'a', sized: 'c' } as unknown as digitalocean.DropletArgs;
    // The SDK checks what is required before the plugin does, so this goes past it.
    class Unchecked extends pulumi.CustomResource {}
    new Unchecked('digitalocean:index/droplet:Droplet', 'one', { ...wrong }, { provider });
  }, 'wrong');
  const failed = await stack.up().catch((error: Error) => error.message);
  expect(failed).toContain("Examine values at 'one.sized'");
  expect(failed).toContain('The argument "size" is required');
});

test('keeps a droplet that does not get ready', limit, async () => {
  cloud = pretend();
  const stack = await engine.open(program(), 'unready');
  const answer = cloud.answer;
  cloud.answer = (request) => {
    const given = answer(request);
    const { droplet } = (given.json ?? {}) as { droplet?: { status: string } };
    if (droplet && request.method === 'GET') droplet.status = 'archive';
    return given;
  };
  await expect(stack.up()).rejects.toThrow("unexpected state 'archive', wanted target 'active'");
  cloud.answer = answer;
  cloud.machines.get(101)!.status = 'active';
  await stack.destroy();
  expect([...cloud.machines]).toEqual([]);
});
