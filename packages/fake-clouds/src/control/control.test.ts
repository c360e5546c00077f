import { expect, test } from 'vitest';
import { cloudForTest, serverBody } from '../test-client.ts';
import { createControl } from './control.ts';

function setUp() {
  const { cloud, callerWith } = cloudForTest();
  const app = createControl({ cloud, token: 'control', startedAt: new Date(0) });
  const control = async (method: string, path: string, body?: unknown, token = 'control') => {
    const response = await app.request(`/control${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
  };
  return { cloud, callerWith, control };
}

test('needs its token, on every path', async () => {
  const { control } = setUp();
  for (const path of ['/faults', '/servers', '/requests', '/stats', '/servers/1/console', '/nothing']) {
    expect((await control('GET', path, undefined, 'wrong')).status).toBe(401);
  }
  expect((await control('POST', '/tokens', {}, '')).status).toBe(401);
});

test('issues tokens with powers and projects', async () => {
  const { control, callerWith } = setUp();
  const full = (await control('POST', '/tokens', { project: 'p' })).body;
  const weak = (await control('POST', '/tokens', { project: 'p', powers: 'read' })).body;
  expect(full).toMatchObject({
    project: 'p',
    powers: 'read_write',
    token: expect.stringMatching(/^[0-9A-Za-z]{64}$/),
  });
  expect((await callerWith(full.token)('POST', '/servers', serverBody('a'))).status).toBe(201);
  expect((await callerWith(weak.token)('GET', '/servers')).body.servers).toHaveLength(1);
  expect((await callerWith(weak.token)('DELETE', '/servers/1')).status).toBe(403);
  expect((await control('POST', '/tokens', { powers: 'root' })).status).toBe(422);
  expect((await control('POST', '/tokens', 'nonsense')).status).toBe(201);
});

test('counts what ever lived, by label', async () => {
  const { cloud, callerWith, control } = setUp();
  const { token } = (await control('POST', '/tokens', {})).body;
  const call = callerWith(token);
  const labels = { 'claw-cloud': 'claw-ins_a' };
  const { id } = (await call('POST', '/servers', serverBody('a', { labels }))).body.server;
  await call('DELETE', `/servers/${id}`);
  await cloud.idle();
  await call('POST', '/servers', serverBody('b', { labels }));
  await cloud.idle();
  const { body } = await control('GET', '/servers');
  expect(body).toMatchObject({
    created: 2,
    deleted: 1,
    alive: 1,
    peakAliveByLabel: { 'claw-cloud=claw-ins_a': 1 },
  });
  expect(body.servers).toMatchObject([{ name: 'b', status: 'running', machine: 'running' }]);
  expect(body.history.map((entry: { event: string }) => entry.event)).toEqual([
    'created',
    'deleted',
    'created',
  ]);
  await call('POST', '/servers', serverBody('c', { labels }));
  expect((await control('GET', '/servers')).body.peakAliveByLabel).toEqual({ 'claw-cloud=claw-ins_a': 2 });
});

test('the request log holds neither tokens nor user-data', async () => {
  const { callerWith, control } = setUp();
  const { token } = (await control('POST', '/tokens', {})).body;
  await callerWith(token)(
    'POST',
    '/servers?x=1',
    serverBody('a', { user_data: '#cloud-config\n# SECRET\n' }),
  );
  await callerWith('f'.repeat(64))('GET', '/servers');
  const { body } = await control('GET', '/requests');
  expect(body.requests).toMatchObject([
    {
      method: 'POST',
      path: '/servers',
      query: '?x=1',
      status: 201,
      body: { name: 'a', user_data: '[redacted, 23 bytes]' },
    },
    { method: 'GET', path: '/servers', status: 401, project: null },
  ]);
  const text = JSON.stringify(body);
  for (const secret of [token, 'SECRET', 'f'.repeat(64)]) expect(text).not.toContain(secret);
});

test('switches faults on and off, and refuses what is none', async () => {
  const { callerWith, control } = setUp();
  const { token } = (await control('POST', '/tokens', {})).body;
  const call = callerWith(token);
  const { fault } = (
    await control('POST', '/faults', { kind: 'maintenance', match: { method: 'get' }, times: 1 })
  ).body;
  expect((await call('GET', '/servers')).status).toBe(503);
  expect((await control('GET', '/faults')).body.faults).toMatchObject([{ id: fault.id, hits: 1 }]);
  expect((await control('DELETE', `/faults/${fault.id}`)).status).toBe(204);
  expect((await control('DELETE', `/faults/${fault.id}`)).status).toBe(404);
  await control('POST', '/faults', { kind: 'maintenance' });
  expect((await control('DELETE', '/faults')).status).toBe(204);
  expect((await call('GET', '/servers')).status).toBe(200);
  for (const bad of [
    { kind: 'fire' },
    { kind: 'hang', times: -1 },
    { kind: 'hang', match: { colour: 'red' } },
    'nonsense',
  ]) {
    expect((await control('POST', '/faults', bad)).status).toBe(422);
  }
});
