import { afterEach, expect, test } from 'vitest';
import type { FakeCloud } from '../cloud.ts';
import { createPaperMachines } from '../machines/driver.ts';
import { serverBody } from '../test-client.ts';
import { startFakeCloud } from './index.ts';

const tag = 'claw-ins_a';
const labels = { 'claw-cloud': tag };
let cloud: FakeCloud | undefined;

afterEach(async () => {
  await cloud?.close();
  cloud = undefined;
});

async function open() {
  const started = await startFakeCloud({ machines: createPaperMachines(), actionMs: 1 });
  cloud = started;
  const call = async (
    credential: Readonly<Record<string, string>>,
    method: string,
    path: string,
    body?: object,
  ) => {
    const response = await fetch(`${started.endpoint}${path}`, {
      method,
      headers: { authorization: `Bearer ${credential.token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  };
  return { started, call };
}

test('shows what exists as tests of all clouds read it', async () => {
  const { started, call } = await open();
  const credential = started.newCredential();
  const wall = (await call(credential, 'POST', '/firewalls', { name: 'f', labels })).body.firewall;
  const body = serverBody('a', { labels, user_data: '#hello', firewalls: [{ firewall: wall.id }] });
  const { id } = (await call(credential, 'POST', '/servers', body)).body.server;
  await expect.poll(async () => (await started.servers())[0]?.power, { timeout: 10_000 }).toBe('running');
  expect(await started.servers()).toEqual([
    {
      kind: 'server',
      id: String(id),
      name: 'a',
      tag,
      power: 'running',
      size: 'cx23',
      region: 'fsn1',
      image: 'debian-13',
      userData: '#hello',
      sshKeys: [],
      ipv4: true,
      ipv6: true,
    },
  ]);
  expect((await started.resources()).map(({ kind, tag: borne }) => [kind, borne])).toEqual([
    ['server', tag],
    ['firewall', tag],
    ['primary_ip', null],
    ['primary_ip', null],
  ]);
  expect(started.history(tag)).toEqual({ peak: 1, made: 1 });
  const [request] = started.requests();
  expect(request).toMatchObject({ method: 'POST', path: '/firewalls', status: 201 });
  expect(JSON.parse(request?.body ?? '')).toEqual({ name: 'f', labels });
  expect(JSON.stringify(started.requests())).not.toContain(credential.token);
});

test('gives credentials with powers, of accounts, and takes them back', async () => {
  const { started, call } = await open();
  const full = started.newCredential({ account: 'one' });
  const weak = started.newCredential({ account: 'one', powers: 'read' });
  const other = started.newCredential();
  expect((await call(full, 'POST', '/servers', serverBody('a'))).status).toBe(201);
  expect((await call(weak, 'GET', '/servers')).body.servers).toHaveLength(1);
  expect((await call(weak, 'DELETE', '/servers/1')).status).toBe(403);
  expect((await call(other, 'GET', '/servers')).body.servers).toEqual([]);
  started.revoke(full);
  expect((await call(full, 'GET', '/servers')).status).toBe(401);
});

test('lets an owner change things behind the product’s back, unseen and whatever the faults', async () => {
  const { started, call } = await open();
  const credential = started.newCredential();
  const wall = (await call(credential, 'POST', '/firewalls', { name: 'f', labels })).body.firewall;
  const seen = started.requests().length;
  started.faults.add({ kind: 'maintenance' });
  const id = await started.byHand.addServer(tag);
  expect((await started.servers()).map((server) => [server.id, server.tag])).toEqual([[id, tag]]);
  await started.byHand.openFirewall(String(wall.id));
  await started.byHand.deleteServer(id);
  expect(await started.servers()).toEqual([]);
  expect(started.history(tag)).toEqual({ peak: 1, made: 1 });
  expect(started.requests()).toHaveLength(seen);
  started.faults.clear();
  const { rules } = (await call(credential, 'GET', `/firewalls/${wall.id}`)).body.firewall;
  expect(rules).toMatchObject([{ direction: 'in', protocol: 'tcp', port: '22' }]);
  await expect(started.byHand.deleteServer('5')).rejects.toThrow('no server 5');
  await expect(started.byHand.openFirewall('5')).rejects.toThrow('no firewall 5');
});
