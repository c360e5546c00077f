import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createPaperMachines } from '../machines/driver.ts';
import { cloudForTest, serverBody } from '../test-client.ts';

test('a server is created, boots, is found by name and label, and goes with its address', async () => {
  const { cloud, caller, machines } = cloudForTest();
  const call = caller();
  const userData = '#cloud-config\nruncmd: []\n';
  const made = await call('POST', '/servers', serverBody('a', { labels: { app: 'x' }, user_data: userData }));
  expect(made.status).toBe(201);
  const { id } = made.body.server;
  expect(made.body.server).toMatchObject({ status: 'initializing', locked: true });
  expect(made.body.next_actions).toMatchObject([{ command: 'start_server', status: 'running' }]);
  expect(machines.specs.get(id)?.userData).toBe(userData);
  await cloud.idle();

  const actionIds = [made.body.action.id, made.body.next_actions[0].id];
  const actions = await call('GET', `/actions?id=${actionIds[0]}&id=${actionIds[1]}&sort=status&sort=id`);
  expect(actions.body.actions.map((action: { status: string }) => action.status)).toEqual([
    'success',
    'success',
  ]);
  expect((await call('GET', `/servers/${id}`)).body.server).toMatchObject({
    status: 'running',
    locked: false,
  });
  expect(await machines.status(id)).toBe('running');
  expect((await call('GET', '/servers?name=a')).body.servers).toHaveLength(1);
  expect((await call('GET', '/servers?label_selector=app==x')).body.servers).toHaveLength(1);
  expect((await call('GET', '/servers?label_selector=app!=x')).body.servers).toHaveLength(0);
  expect((await call('GET', '/primary_ips')).body.primary_ips).toMatchObject([
    { type: 'ipv4', assignee_id: id },
    { type: 'ipv6', assignee_id: id },
  ]);

  const gone = await call('DELETE', `/servers/${id}`);
  await cloud.idle();
  expect((await call('GET', `/actions/${gone.body.action.id}`)).body.action.status).toBe('success');
  expect((await call('GET', `/servers/${id}`)).body.error.code).toBe('not_found');
  expect((await call('GET', '/primary_ips')).body.primary_ips).toEqual([]);
  expect(await machines.status(id)).toBe('absent');
});

test('a name is taken once per project, and projects see only their own', async () => {
  const { caller } = cloudForTest();
  const [one, other] = [caller('one'), caller('other')];
  const { body } = await one('POST', '/servers', serverBody('a'));
  expect(await one('POST', '/servers', serverBody('a'))).toMatchObject({
    status: 409,
    body: { error: { code: 'uniqueness_error' } },
  });
  expect((await other('POST', '/servers', serverBody('a'))).status).toBe(201);
  expect((await other('GET', `/servers/${body.server.id}`)).status).toBe(404);
  expect((await other('DELETE', `/servers/${body.server.id}`)).status).toBe(404);
  expect((await other('GET', '/servers')).body.servers).toHaveLength(1);
});

test('tokens: none, wrong, read-only', async () => {
  const { caller, callerWith } = cloudForTest();
  for (const call of [callerWith(undefined), callerWith('x'.repeat(64))]) {
    expect(await call('GET', '/servers')).toMatchObject({
      status: 401,
      body: { error: { code: 'unauthorized' } },
    });
  }
  const reader = caller('p', 'read');
  expect((await reader('GET', '/servers')).status).toBe(200);
  expect(await reader('POST', '/servers', serverBody('a'))).toMatchObject({
    status: 403,
    body: { error: { code: 'token_readonly' } },
  });
});

test('any token of 64 letters and digits has a project of its own where that is the policy', async () => {
  const { callerWith } = cloudForTest({ tokens: 'any' });
  const [one, other] = [callerWith('a'.repeat(64)), callerWith('b'.repeat(64))];
  expect((await one('POST', '/servers', serverBody('a'))).status).toBe(201);
  expect((await other('GET', '/servers')).body.servers).toEqual([]);
  expect((await callerWith('a'.repeat(63))('GET', '/servers')).status).toBe(401);
});

test.each([
  ['no name', { name: undefined }, 'name'],
  ['a name that is no host name', { name: 'ins_a' }, 'name'],
  ['an unknown type', { server_type: 'cx9000' }, 'server_type'],
  ['a retired type', { server_type: 'cx22' }, 'server_type'],
  ['a type not offered there', { server_type: 'cx23', location: 'ash' }, 'location'],
  ['an unknown location', { location: 'mars1' }, 'location'],
  ['location and datacenter', { datacenter: 'fsn1-dc14' }, 'datacenter'],
  ['an unknown image', { image: 'debian-99' }, 'image'],
  ['an image of another architecture', { image: '114690389' }, 'image'],
  ['too much user-data', { user_data: 'x'.repeat(32_769) }, 'user_data'],
  ['a label with a space', { labels: { a: 'b c' } }, 'labels'],
  ['no address at all', { public_net: { enable_ipv4: false, enable_ipv6: false } }, 'public_net'],
])('refuses %s by the field, and makes nothing', async (_what, change, field) => {
  const { cloud, caller } = cloudForTest();
  const call = caller();
  const answer = await call('POST', '/servers', serverBody('a', change));
  expect(answer).toMatchObject({ status: 422, body: { error: { code: 'invalid_input' } } });
  expect(answer.body.error.details.fields[0].name).toBe(field);
  expect(cloud.history()).toEqual([]);
  expect((await call('GET', '/primary_ips')).body.primary_ips).toEqual([]);
});

test('a full project and a sold-out size are told apart', async () => {
  const { caller } = cloudForTest({ limits: { servers: 1 } });
  const call = caller();
  expect(
    await call('POST', '/servers', serverBody('a', { server_type: 'cx53', location: 'hel1' })),
  ).toMatchObject({
    status: 412,
    body: { error: { code: 'resource_unavailable' } },
  });
  await call('POST', '/servers', serverBody('a'));
  expect(await call('POST', '/servers', serverBody('b'))).toMatchObject({
    status: 403,
    body: { error: { code: 'resource_limit_exceeded' } },
  });
});

test('power actions move the machine and the status', async () => {
  const { cloud, caller, machines } = cloudForTest();
  const call = caller();
  const { id } = (await call('POST', '/servers', serverBody('a', { start_after_create: false }))).body.server;
  await cloud.idle();
  for (const [action, status] of [
    ['poweron', 'running'],
    ['shutdown', 'off'],
    ['poweron', 'running'],
    ['poweroff', 'off'],
    ['reset', 'running'],
    ['reboot', 'running'],
  ] as const) {
    expect((await call('POST', `/servers/${id}/actions/${action}`)).status).toBe(201);
    await cloud.idle();
    expect((await call('GET', `/servers/${id}`)).body.server.status).toBe(status);
    expect(await machines.status(id)).toBe(status);
  }
});

test('a shutdown is a request: its action ends before the server is off, and it may be ignored', async () => {
  const { cloud, caller } = cloudForTest({ actionMs: 5 });
  const call = caller();
  const { id } = (await call('POST', '/servers', serverBody('a'))).body.server;
  await cloud.idle();
  cloud.faults.add({ kind: 'ignores_shutdown', times: 1 });
  const ignored = (await call('POST', `/servers/${id}/actions/shutdown`)).body.action;
  await cloud.idle();
  expect((await call('GET', `/actions/${ignored.id}`)).body.action.status).toBe('success');
  expect((await call('GET', `/servers/${id}`)).body.server.status).toBe('running');
  await call('POST', `/servers/${id}/actions/shutdown`);
  expect((await call('GET', `/servers/${id}`)).body.server.status).toBe('running');
  await cloud.idle();
  expect((await call('GET', `/servers/${id}`)).body.server.status).toBe('off');
});

describe('another type', () => {
  async function stopped(type = 'cx23') {
    const made = cloudForTest();
    const call = made.caller();
    const body = serverBody('a', { server_type: type, start_after_create: false });
    const { id } = (await call('POST', '/servers', body)).body.server;
    await made.cloud.idle();
    const change = (server_type: string, upgrade_disk: unknown = false) =>
      call('POST', `/servers/${id}/actions/change_type`, { server_type, upgrade_disk });
    const read = async () => (await call('GET', `/servers/${id}`)).body.server;
    return { ...made, call, id, change, read };
  }

  test('is taken by a server that is off, locks it, and starts it again', async () => {
    const { cloud, call, id, change, read } = await stopped();
    expect((await change('cx33')).status).toBe(201);
    expect((await read()).status).toBe('migrating');
    expect((await call('POST', `/servers/${id}/actions/poweron`)).body.error.code).toBe('locked');
    await cloud.idle();
    expect(await read()).toMatchObject({
      status: 'running',
      server_type: { name: 'cx33' },
      primary_disk_size: 40,
    });
    expect((await change('cx23')).body.error.code).toBe('server_not_stopped');
  });

  test('goes back to a smaller disk only where the disk was kept', async () => {
    const { cloud, call, id, change, read } = await stopped();
    const off = async () => {
      await cloud.idle();
      await call('POST', `/servers/${id}/actions/poweroff`);
      await cloud.idle();
    };
    await change('cx33');
    await off();
    expect((await change('cx23')).status).toBe(201);
    await off();
    await change('cx33', true);
    await off();
    expect((await read()).primary_disk_size).toBe(80);
    expect(await change('cx23')).toMatchObject({
      status: 422,
      body: { error: { code: 'invalid_server_type' } },
    });
  });

  test.each([
    ['an unknown one', 'cx9000', false, 'invalid_input'],
    ['one of another architecture', 'cax11', false, 'invalid_server_type'],
    ['a retired one', 'cx22', false, 'invalid_server_type'],
    ['one without a word on the disk', 'cx33', undefined, 'invalid_input'],
  ])('is refused: %s', async (_what, type, upgrade, code) => {
    const { call, id, read } = await stopped();
    const body = { server_type: type, upgrade_disk: upgrade };
    expect((await call('POST', `/servers/${id}/actions/change_type`, body)).body.error.code).toBe(code);
    expect(await read()).toMatchObject({ status: 'off', server_type: { name: 'cx23' } });
  });

  test('is refused while it is sold out', async () => {
    const { cloud, change } = await stopped();
    cloud.faults.add({ kind: 'sold_out', match: { size: 'cx33' } });
    expect((await change('cx33')).body.error.code).toBe('resource_unavailable');
  });
});

test('lists come in pages to the end, sorted as asked', async () => {
  const { caller } = cloudForTest({ limits: { servers: 100, primaryIps: 100 } });
  const call = caller();
  for (let index = 0; index < 7; index += 1) await call('POST', '/servers', serverBody(`s${index}`));
  const names: string[] = [];
  for (let page: number | null = 1; page !== null; ) {
    const answer = await call('GET', `/servers?per_page=3&page=${page}&sort=name:desc`);
    expect(answer.body.meta.pagination).toMatchObject({ page, per_page: 3, last_page: 3, total_entries: 7 });
    names.push(...answer.body.servers.map((server: { name: string }) => server.name));
    page = answer.body.meta.pagination.next_page;
  }
  expect(names).toEqual(['s6', 's5', 's4', 's3', 's2', 's1', 's0']);
  expect((await call('GET', '/servers?page=0')).status).toBe(422);
  expect((await call('GET', '/servers?sort=colour')).status).toBe(422);
  expect((await call('GET', '/servers?label_selector=a%20b')).status).toBe(422);
});

test('rows survive a restart; a server that was on its way is brought to its end', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cloud-state-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const stateFile = join(folder, 'cloud.json');
  const machines = createPaperMachines();
  const first = cloudForTest({ stateFile, machines, actionMs: 60_000 });
  const token = first.cloud.issueToken({ project: 'p', powers: 'read_write' });
  const { body } = await first.callerWith(token)('POST', '/servers', serverBody('a'));
  await first.cloud.close();
  expect(await readFile(stateFile, 'utf8')).not.toContain(token);

  const second = cloudForTest({ stateFile, machines });
  await second.cloud.ready;
  const call = second.callerWith(token);
  expect((await call('GET', `/servers/${body.server.id}`)).body.server.status).toBe('running');
  expect((await call('GET', `/actions/${body.action.id}`)).body.action.status).toBe('success');
  expect(await machines.status(body.server.id)).toBe('running');
  expect((await call('POST', '/servers', serverBody('b'))).body.server.id).toBeGreaterThan(body.server.id);
  // Its last state must be on the disk before the folder goes.
  await second.cloud.close();
});

test('an hour has so many requests, and every answer says how many are left', async () => {
  let now = Date.parse('2026-01-01T00:00:00Z');
  const { caller } = cloudForTest({ limits: { requestsPerHour: 2 }, now: () => new Date(now) });
  const call = caller();
  expect((await call('GET', '/servers')).headers.get('ratelimit-remaining')).toBe('1');
  await call('GET', '/servers');
  const refused = await call('GET', '/servers');
  expect(refused).toMatchObject({ status: 429, body: { error: { code: 'rate_limit_exceeded' } } });
  expect(refused.headers.get('ratelimit-limit')).toBe('2');
  expect(Number(refused.headers.get('ratelimit-reset'))).toBe(Date.parse('2026-01-01T01:00:00Z') / 1000);
  now += 1_800_000;
  expect((await call('GET', '/servers')).status).toBe(200);
});
