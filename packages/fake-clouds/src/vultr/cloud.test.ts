import { afterEach, describe, expect, test } from 'vitest';
import type { FakeCloud } from '../cloud.ts';
import { createPaperMachines } from '../machines/driver.ts';
import { startFakeCloud } from './index.ts';

const tag = 'claw-ins_a';
const order = { region: 'fra', plan: 'vc2-1c-2gb', os_id: 2625, label: 'a', tags: [tag] };
let cloud: FakeCloud | undefined;

afterEach(async () => {
  await cloud?.close();
  cloud = undefined;
});

async function open(more: { serverLimit?: number; requestsPerHour?: number; actionMs?: number } = {}) {
  const machines = createPaperMachines();
  const started = await startFakeCloud({ machines, actionMs: 1, ...more });
  cloud = started;
  const call = async (
    credential: Readonly<Record<string, string>>,
    method: string,
    path: string,
    body?: object,
  ) => {
    const response = await fetch(`${started.endpoint}/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${credential.apiKey}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? undefined : JSON.parse(text)) as ReturnType<typeof JSON.parse>,
    };
  };
  return { started, call, machines };
}

describe('the pretend Vultr', () => {
  test('shows what exists as tests of all clouds read it, with user-data decoded', async () => {
    const { started, call, machines } = await open();
    const credential = started.newCredential();
    const group = (await call(credential, 'POST', '/firewalls', { description: tag })).body.firewall_group;
    const { instance } = (
      await call(credential, 'POST', '/instances', {
        ...order,
        enable_ipv6: true,
        user_data: Buffer.from('#hello ☁').toString('base64'),
        firewall_group_id: group.id,
      })
    ).body;
    expect(instance).toMatchObject({ status: 'pending', default_password: expect.any(String) });
    await expect.poll(async () => (await started.servers())[0]?.power, { timeout: 10_000 }).toBe('running');
    expect(await started.servers()).toEqual([
      {
        kind: 'server',
        id: instance.id,
        name: 'a',
        tag,
        power: 'running',
        size: 'vc2-1c-2gb',
        region: 'fra',
        image: '2625',
        userData: '#hello ☁',
        sshKeys: [],
        ipv4: true,
        ipv6: true,
      },
    ]);
    const [spec] = machines.specs.values();
    expect(spec).toMatchObject({ userData: '#hello ☁', id: expect.any(Number) });
    expect(await machines.status(spec?.id ?? 0)).toBe('running');
    expect((await started.resources()).map(({ kind, tag: borne }) => [kind, borne])).toEqual([
      ['server', tag],
      ['firewall', tag],
    ]);
    expect((await call(credential, 'GET', `/instances/${instance.id}`)).body.instance).not.toHaveProperty(
      'default_password',
    );
    expect(JSON.stringify(started.requests())).not.toContain(credential.apiKey);
    expect((await call(credential, 'DELETE', `/instances/${instance.id}`)).status).toBe(204);
    expect(await machines.status(spec?.id ?? 0)).toBe('absent');
    expect(started.history(tag)).toEqual({ peak: 1, made: 1 });
  });

  test('gives keys with powers, of accounts, and takes them back', async () => {
    const { started, call } = await open();
    const full = started.newCredential({ account: 'one' });
    const weak = started.newCredential({ account: 'one', powers: 'read' });
    const other = started.newCredential();
    const { id } = (await call(full, 'POST', '/instances', order)).body.instance;
    expect((await call(weak, 'GET', '/instances')).body.instances).toHaveLength(1);
    for (const [method, path, body] of [
      ['DELETE', `/instances/${id}`],
      ['POST', '/instances', order],
      ['PATCH', `/instances/${id}`, { plan: 'vc2-2c-4gb' }],
      ['GET', '/firewalls'],
    ] as const)
      expect((await call(weak, method, path, body)).status, `${method} ${path}`).toBe(403);
    expect((await call(other, 'GET', '/instances')).body.instances).toEqual([]);
    expect((await call(other, 'GET', `/instances/${id}`)).body).toEqual({
      error: 'invalid instance ID',
      status: 404,
    });
    started.revoke(full);
    expect((await call(full, 'GET', '/instances')).body).toEqual({
      error: 'Invalid API token.',
      status: 401,
    });
  });

  test('pages with cursors to the end, and back', async () => {
    const { started, call } = await open();
    const credential = started.newCredential();
    for (let index = 0; index < 5; index += 1)
      await call(credential, 'POST', '/firewalls', { description: `g${index}` });
    const seen: string[] = [];
    let cursor = '';
    let last: ReturnType<typeof JSON.parse>;
    do {
      last = (await call(credential, 'GET', `/firewalls?per_page=2${cursor && `&cursor=${cursor}`}`)).body;
      seen.push(...last.firewall_groups.map((row: { description: string }) => row.description));
      cursor = last.meta.links.next;
    } while (cursor);
    expect(seen).toEqual(['g0', 'g1', 'g2', 'g3', 'g4']);
    expect(last.meta.total).toBe(5);
    const back = (await call(credential, 'GET', `/firewalls?per_page=2&cursor=${last.meta.links.prev}`)).body;
    expect(back.firewall_groups.map((row: { description: string }) => row.description)).toEqual(['g2', 'g3']);
  });

  test('refuses beyond the limits: servers with 400, requests with 429 and no header', async () => {
    const { started, call } = await open({ serverLimit: 1, requestsPerHour: 3 });
    const credential = started.newCredential();
    expect((await call(credential, 'POST', '/instances', order)).status).toBe(202);
    const refused = await call(credential, 'POST', '/instances', order);
    expect(refused).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('maximum number') },
    });
    await call(credential, 'GET', '/account');
    const limited = await call(credential, 'GET', '/account');
    expect(limited).toMatchObject({ status: 429, body: { error: 'rate limit exceeded', status: 429 } });
    expect(limited.headers.get('retry-after')).toBe(null);
  });

  test('only lets a server grow, within its kind', async () => {
    const { started, call } = await open({ actionMs: 1_500 });
    const credential = started.newCredential();
    const { id } = (await call(credential, 'POST', '/instances', order)).body.instance;
    await expect.poll(async () => (await started.servers())[0]?.power, { timeout: 10_000 }).toBe('running');
    const { plans } = (await call(credential, 'GET', `/instances/${id}/upgrades?type=plans`)).body.upgrades;
    expect(plans).toEqual(['vc2-2c-2gb', 'vc2-2c-4gb', 'vc2-4c-8gb']);
    for (const plan of ['vc2-1c-1gb', 'vhf-2c-4gb'])
      expect((await call(credential, 'PATCH', `/instances/${id}`, { plan })).status).toBe(400);
    const change = await call(credential, 'PATCH', `/instances/${id}`, { plan: 'vc2-2c-4gb' });
    expect(change.body.instance).toMatchObject({ plan: 'vc2-1c-2gb', status: 'resizing' });
    expect((await call(credential, 'DELETE', `/instances/${id}`)).status).toBe(500);
    await expect.poll(async () => (await started.servers())[0]?.size, { timeout: 10_000 }).toBe('vc2-2c-4gb');
  });

  test('detaches a firewall group that is deleted from its servers, as the vendor does', async () => {
    const { started, call } = await open();
    const credential = started.newCredential();
    const group = (await call(credential, 'POST', '/firewalls', { description: tag })).body.firewall_group;
    const { id } = (await call(credential, 'POST', '/instances', { ...order, firewall_group_id: group.id }))
      .body.instance;
    expect((await call(credential, 'GET', `/firewalls/${group.id}`)).body.firewall_group.instance_count).toBe(
      1,
    );
    expect((await call(credential, 'DELETE', `/firewalls/${group.id}`)).status).toBe(204);
    expect((await call(credential, 'GET', `/instances/${id}`)).body.instance.firewall_group_id).toBe('');
  });

  test('lets an owner change things behind the product’s back, unseen and whatever the faults', async () => {
    const { started, call } = await open();
    const credential = started.newCredential();
    const group = (await call(credential, 'POST', '/firewalls', { description: tag })).body.firewall_group;
    const seen = started.requests().length;
    started.faults.add({ kind: 'maintenance' });
    const id = await started.byHand.addServer(tag);
    expect((await started.servers()).map((server) => [server.id, server.tag])).toEqual([[id, tag]]);
    await started.byHand.openFirewall(group.id);
    expect((await started.resources()).find(({ kind }) => kind === 'firewall')?.inboundRules).toBe(1);
    await started.byHand.deleteServer(id);
    expect(await started.servers()).toEqual([]);
    expect(started.requests()).toHaveLength(seen);
    await expect(started.byHand.deleteServer('5')).rejects.toThrow('no server 5');
    await expect(started.byHand.openFirewall('5')).rejects.toThrow('no firewall 5');
  });

  test('lets every fault strike that it knows', async () => {
    const { started, call } = await open();
    const credential = started.newCredential();
    const statusOf = async (kind: Parameters<FakeCloud['faults']['add']>[0]['kind']) => {
      started.faults.clear();
      started.faults.add({ kind, times: 1 });
      return call(credential, 'POST', '/instances', order)
        .then(({ status }) => status)
        .catch(() => 'cut');
    };
    const struck: Record<string, number | string> = {};
    for (const kind of [
      'quota',
      'billing_missing',
      'rate_limit',
      'unauthorized',
      'address_not_allowed',
      'forbidden',
      'account_locked',
      'locked',
      'maintenance',
      'sold_out',
      'error_before_effect',
      'disconnect_before_effect',
    ] as const)
      struck[kind] = await statusOf(kind);
    expect(struck).toEqual({
      quota: 400,
      billing_missing: 400,
      rate_limit: 429,
      unauthorized: 401,
      address_not_allowed: 401,
      forbidden: 403,
      account_locked: 403,
      locked: 500,
      maintenance: 503,
      sold_out: 400,
      error_before_effect: 500,
      disconnect_before_effect: 'cut',
    });
    expect(await started.servers()).toEqual([]);
    expect(await statusOf('error_after_effect')).toBe(500);
    expect(await statusOf('disconnect_after_effect')).toBe('cut');
    expect(await started.servers()).toHaveLength(2);
    expect(await statusOf('action_stuck')).toBe(202);
    expect((await started.servers()).at(-1)?.power).toBe('changing');
  });
});
