import { afterEach, expect, test } from 'vitest';
import type { FakeCloud, FakeCloudOptions } from '../cloud.ts';
import { createPaperMachines } from '../machines/driver.ts';
import { startFakeCloud } from './index.ts';

const tag = 'claw-ins_a';
const order = {
  name: 'claw-ins-a',
  size: 's-1vcpu-2gb',
  image: 'debian-13-x64',
  region: 'fra1',
  ipv6: true,
  user_data: '#hello',
  tags: [tag],
};
const wall = {
  name: 'claw-ins-a',
  outbound_rules: [{ protocol: 'icmp', ports: '0', destinations: { addresses: ['::/0'] } }],
};
let cloud: FakeCloud | undefined;

afterEach(async () => {
  await cloud?.close();
  cloud = undefined;
});

async function open(options: Partial<FakeCloudOptions> = {}) {
  const started = await startFakeCloud({ machines: createPaperMachines(), actionMs: 1, ...options });
  cloud = started;
  const call = async (
    credential: Readonly<Record<string, string>>,
    method: string,
    path: string,
    body?: object,
  ) => {
    const response = await fetch(`${started.endpoint}/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${credential.token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const said = text === '' ? undefined : JSON.parse(text);
    return { status: response.status, headers: response.headers, body: said };
  };
  return { started, call };
}

test('shows what exists as tests of all clouds read it', async () => {
  const { started, call } = await open();
  const credential = started.newCredential();
  const { id: wallId } = (await call(credential, 'POST', '/firewalls', wall)).body.firewall;
  const { id } = (await call(credential, 'POST', '/droplets', order)).body.droplet;
  await expect.poll(async () => (await started.servers())[0]?.power, { timeout: 10_000 }).toBe('running');
  expect(await started.servers()).toEqual([
    {
      kind: 'server',
      id: String(id),
      name: 'claw-ins-a',
      tag,
      power: 'running',
      size: 's-1vcpu-2gb',
      region: 'fra1',
      image: 'debian-13-x64',
      userData: '#hello',
      sshKeys: [],
      ipv4: true,
      ipv6: true,
    },
  ]);
  await started.byHand.openFirewall(wallId);
  expect(await started.resources()).toEqual([
    { kind: 'server', id: String(id), name: 'claw-ins-a', tag },
    { kind: 'firewall', id: wallId, name: 'claw-ins-a', tag, inboundRules: 1 },
    { kind: 'tag', id: tag, name: tag, tag },
  ]);
  expect(started.requests()[0]).toMatchObject({ method: 'POST', path: '/firewalls', status: 202 });
  expect(JSON.stringify(started.requests())).not.toContain(credential.token);
  await started.byHand.deleteServer(String(id));
  await started.byHand.addServer(tag);
  expect(started.history(tag)).toEqual({ peak: 1, made: 2 });
  await expect(started.byHand.deleteServer('5')).rejects.toThrow('no server 5');
  await expect(started.byHand.openFirewall('5')).rejects.toThrow('no firewall 5');
});

test('gives credentials with powers, of accounts, and takes them back', async () => {
  const { started, call } = await open();
  const full = started.newCredential({ account: 'one' });
  const weak = started.newCredential({ account: 'one', powers: 'read' });
  const other = started.newCredential();
  expect((await call(full, 'POST', '/droplets', order)).status).toBe(202);
  expect((await call(weak, 'GET', '/droplets')).body.droplets).toHaveLength(1);
  expect((await call(weak, 'POST', '/droplets', order)).body.id).toBe('forbidden');
  expect((await call(other, 'GET', '/droplets')).body.droplets).toEqual([]);
  started.revoke(full);
  expect((await call(full, 'GET', '/droplets')).status).toBe(401);
});

test('counts requests, and droplets, and says when there are too many', async () => {
  const { started, call } = await open({ requestsPerHour: 3, serverLimit: 1 });
  const credential = started.newCredential();
  const first = await call(credential, 'POST', '/droplets', order);
  expect(first.headers.get('ratelimit-remaining')).toBe('2');
  const second = await call(credential, 'POST', '/droplets', order);
  expect(second.body).toMatchObject({
    id: 'unprocessable_entity',
    message: expect.stringContaining('droplet limit'),
  });
  await call(credential, 'GET', '/account');
  const refused = await call(credential, 'GET', '/account');
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_500);
  expect(refused.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
});

test('keeps a firewall to what the vendor takes', async () => {
  const { started, call } = await open();
  const credential = started.newCredential();
  const refusal = async (body: object) => (await call(credential, 'POST', '/firewalls', body)).body.message;
  expect(await refusal({ name: 'ff' })).toMatch(/at least one/);
  expect(await refusal({ ...wall, tags: ['nobody'] })).toMatch(/does not exist/);
  expect(await refusal({ ...wall, name: '_' })).toMatch(/name/);
  expect((await call(credential, 'POST', '/firewalls', wall)).status).toBe(202);
  expect(await refusal(wall)).toBe('duplicate name');
});

test('takes away a droplet that it could not start, and says so of the action', async () => {
  const { started, call } = await open();
  const credential = started.newCredential();
  started.faults.add({ kind: 'action_fails', times: 1 });
  const made = await call(credential, 'POST', '/droplets', order);
  const [{ id }] = made.body.links.actions;
  await expect
    .poll(async () => (await call(credential, 'GET', `/actions/${id}`)).body.action.status, {
      timeout: 10_000,
    })
    .toBe('errored');
  expect((await call(credential, 'GET', `/droplets/${made.body.droplet.id}`)).status).toBe(404);
});
