import { expect, test } from 'vitest';
import { listen } from '../listen.ts';
import { cloudForTest, serverBody } from '../test-client.ts';
import { createFaultBoard } from './faults.ts';

test('an error after the effect leaves the server behind, and the retry meets its name', async () => {
  const { cloud, caller } = cloudForTest();
  const call = caller();
  cloud.faults.add({ kind: 'error_after_effect', times: 1 });
  expect(await call('POST', '/servers', serverBody('a'))).toMatchObject({
    status: 500,
    body: { error: { code: 'server_error' } },
  });
  expect((await call('POST', '/servers', serverBody('a'))).body.error.code).toBe('uniqueness_error');
  expect((await call('GET', '/servers?name=a')).body.servers).toHaveLength(1);
});

test('an error before the effect leaves nothing', async () => {
  const { cloud, caller } = cloudForTest();
  const call = caller();
  cloud.faults.add({ kind: 'error_before_effect', match: { method: 'POST', path: '/servers' }, times: 1 });
  expect((await call('POST', '/servers', serverBody('a'))).status).toBe(500);
  expect(cloud.history()).toEqual([]);
  expect((await call('POST', '/servers', serverBody('a'))).status).toBe(201);
});

test.each([
  ['quota', 403, 'resource_limit_exceeded'],
  ['rate_limit', 429, 'rate_limit_exceeded'],
  ['unauthorized', 401, 'unauthorized'],
  ['forbidden', 403, 'forbidden'],
  ['conflict', 409, 'conflict'],
  ['locked', 423, 'locked'],
  ['maintenance', 503, 'maintenance'],
] as const)('%s answers %i %s as often as it was told', async (kind, status, code) => {
  const { cloud, caller } = cloudForTest();
  const call = caller();
  cloud.faults.add({ kind, times: 2 });
  for (let round = 0; round < 2; round += 1) {
    expect(await call('POST', '/servers', serverBody('a'))).toMatchObject({
      status,
      body: { error: { code } },
    });
  }
  expect((await call('POST', '/servers', serverBody('a'))).status).toBe(201);
});

test('sold out shows in the catalogue unless hidden, and names type and place', async () => {
  const { cloud, caller } = cloudForTest();
  const call = caller();
  const available = async () => {
    const { body } = await call('GET', '/server_types?name=cx23');
    return body.server_types[0].locations.filter((place: { available: boolean }) => place.available).length;
  };
  const fault = cloud.faults.add({ kind: 'sold_out', match: { serverType: 'cx23', location: 'fsn1' } });
  expect(await available()).toBe(2);
  const inFalkenstein = (await call('GET', '/datacenters?name=fsn1-dc14')).body.datacenters[0].server_types;
  expect(inFalkenstein.supported).toContain(114);
  expect(inFalkenstein.available).not.toContain(114);
  expect((await call('POST', '/servers', serverBody('a'))).body.error.code).toBe('resource_unavailable');
  expect((await call('POST', '/servers', serverBody('a', { location: 'nbg1' }))).status).toBe(201);
  cloud.faults.remove(fault.id);
  cloud.faults.add({ kind: 'sold_out', match: { serverType: 'cx23', location: 'fsn1' }, hidden: true });
  expect(await available()).toBe(3);
  expect((await call('POST', '/servers', serverBody('b'))).body.error.code).toBe('resource_unavailable');
});

test('never_boots: the cloud says running, the machine is not', async () => {
  const { cloud, caller, machines } = cloudForTest();
  const call = caller();
  cloud.faults.add({ kind: 'never_boots', times: 1 });
  const { id } = (await call('POST', '/servers', serverBody('a'))).body.server;
  await cloud.idle();
  expect((await call('GET', `/servers/${id}`)).body.server.status).toBe('running');
  expect(await machines.status(id)).toBe('off');
});

test('slow_boot: the machine comes later, and not at all once the server is gone', async () => {
  const log: string[] = [];
  const { cloud, caller, machines } = cloudForTest({ log: (line) => log.push(line) });
  const call = caller();
  cloud.faults.add({ kind: 'slow_boot', delayMs: 50 });
  const slow = (await call('POST', '/servers', serverBody('a'))).body.server.id;
  await cloud.idle();
  expect(await machines.status(slow)).toBe('off');
  await expect.poll(() => machines.status(slow), { timeout: 5_000 }).toBe('running');
  const doomed = (await call('POST', '/servers', serverBody('b'))).body.server.id;
  await cloud.idle();
  await call('DELETE', `/servers/${doomed}`);
  await cloud.idle();
  expect(await machines.status(doomed)).toBe('absent');
  const later = (await call('POST', '/servers', serverBody('c'))).body.server.id;
  await expect.poll(() => machines.status(later), { timeout: 5_000 }).toBe('running');
  expect(log).toEqual([]);
});

test('action_fails and action_stuck keep the server', async () => {
  const { cloud, caller } = cloudForTest();
  const call = caller();
  for (const [kind, status] of [
    ['action_fails', 'error'],
    ['action_stuck', 'running'],
  ] as const) {
    cloud.faults.add({ kind, times: 1 });
    const { action, server } = (await call('POST', '/servers', serverBody(kind.replace('_', '-')))).body;
    await cloud.idle();
    expect((await call('GET', `/actions/${action.id}`)).body.action.status).toBe(status);
    expect((await call('GET', `/servers/${server.id}`)).body.server.status).toBe('initializing');
    expect((await call('DELETE', `/servers/${server.id}`)).status).toBe(200);
  }
});

test('a path pattern and a project narrow where a fault strikes', async () => {
  const { cloud, caller } = cloudForTest();
  const [one, other] = [caller('one'), caller('other')];
  cloud.faults.add({ kind: 'maintenance', match: { path: '/firewalls/**', project: 'one' } });
  cloud.faults.add({ kind: 'locked', match: { path: '/servers/*' } });
  expect((await one('GET', '/firewalls')).status).toBe(503);
  expect((await one('GET', '/firewalls/5')).status).toBe(503);
  expect((await other('GET', '/firewalls/5')).status).toBe(404);
  expect((await one('GET', '/servers')).status).toBe(200);
  expect((await one('GET', '/servers/5')).status).toBe(423);
});

test('hang gives no answer, and a cut after the effect leaves the effect', async () => {
  const { cloud } = cloudForTest();
  const token = cloud.issueToken({ project: 'p', powers: 'read_write' });
  const { origin, close } = await listen(cloud.app.fetch, 0);
  const headers = { authorization: `Bearer ${token}` };
  try {
    cloud.faults.add({ kind: 'hang', match: { method: 'GET' }, times: 1 });
    await expect(
      fetch(`${origin}/v1/servers`, { headers, signal: AbortSignal.timeout(100) }),
    ).rejects.toThrow();
    cloud.faults.add({ kind: 'disconnect_after_effect', times: 1 });
    const body = JSON.stringify(serverBody('a'));
    await expect(fetch(`${origin}/v1/servers`, { method: 'POST', headers, body })).rejects.toThrow();
    expect(cloud.servers()).toHaveLength(1);
    expect((await fetch(`${origin}/v1/servers`, { headers })).status).toBe(200);
  } finally {
    await cloud.close();
    await close();
  }
});

test('a fault strikes as likely as it was told, by the chance it was given', () => {
  const draws = [0.04, 0.06, 0.99, 0];
  const board = createFaultBoard({ random: () => draws.shift() ?? 1 });
  const target = { method: 'POST', path: '/droplets', account: 'a', makes: 'server' } as const;
  const fault = board.add({ kind: 'error_after_effect', probability: 0.05 });
  const struck = [1, 2, 3, 4].map(() => board.take(['error_after_effect'], target) !== undefined);
  expect(struck).toEqual([true, false, false, true]);
  expect(board.list()).toMatchObject([{ id: fault.id, hits: 2 }]);
  // Where it couldn't strike, no chance is drawn.
  draws.push(0);
  expect(board.take(['error_after_effect'], { ...target, makes: 'firewall' })).toBe(undefined);
  expect(draws).toHaveLength(1);
});

test('what is made, where and for whom narrows a fault, in any cloud’s words', () => {
  const board = createFaultBoard();
  const target = { method: 'POST', path: 'RunInstances', account: 'a', makes: 'server' } as const;
  const place = { ...target, size: 't3.small', region: 'eu-west-1' };
  board.add({ kind: 'sold_out', match: { size: 't3.small', region: 'eu-west-1' } });
  expect(board.take(['sold_out'], place)).toBeDefined();
  expect(board.take(['sold_out'], { ...place, region: 'eu-west-2' })).toBe(undefined);
  expect(board.showsSoldOut('a', 't3.small', 'eu-west-1')).toBe(true);
  expect(board.showsSoldOut('a', 't3.large', 'eu-west-1')).toBe(false);
  board.clear();
  board.add({ kind: 'quota', match: { account: 'b' } });
  expect(board.take(['quota'], target)).toBe(undefined);
  expect(board.take(['quota'], { ...target, account: 'b' })).toBeDefined();
  board.add({ kind: 'error_after_effect', match: { makes: 'firewall' } });
  expect(board.take(['error_after_effect'], target)).toBe(undefined);
});

test('a rate limit says when it ends', async () => {
  const { cloud, caller } = cloudForTest({ now: () => new Date('2026-01-01T00:00:00Z') });
  const call = caller();
  cloud.faults.add({ kind: 'rate_limit', times: 1, delayMs: 90_000 });
  const { status, headers } = await call('POST', '/servers', serverBody('a'));
  expect([status, headers.get('ratelimit-remaining')]).toEqual([429, '0']);
  expect(Number(headers.get('ratelimit-reset')) * 1000).toBe(Date.parse('2026-01-01T00:01:30Z'));
});
