import { ready } from '@claw-cloud/crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type StubControlPlane, startStubControlPlane } from '../../testing/stub-control-plane.ts';
import { createControlPlane, RegistrationRefused } from './control-plane.ts';
import { createPhaseRunner } from './phases.ts';

const token = 'T'.repeat(43);
const instanceId = 'ins_0123456789abcdefghijklmn';
const keys = {
  instanceId,
  identityPublicKey: 'I'.repeat(43),
  agentPublicKey: 'A'.repeat(43),
  agentVersion: '0.1.0',
  openclawVersion: '2026.9.6',
};
let stub: StubControlPlane;
let refusal: { status: number; code: string } | null;
let lines: string[];

beforeEach(async () => {
  await ready();
  refusal = null;
  lines = [];
  stub = await startStubControlPlane({ token, refuseRegistration: () => refusal });
});
afterEach(() => stub.close());

const connect = (options: { token?: string; fetch?: typeof fetch; signal?: AbortSignal } = {}) =>
  createControlPlane({
    url: stub.url,
    token,
    log: (line) => lines.push(line),
    signal: AbortSignal.timeout(15_000),
    retryBaseMs: 1,
    ...options,
  });
const registrations = () => stub.requests.filter((line) => line.endsWith('/register')).length;

test('registers, trying again while the control plane is overloaded or away', async () => {
  refusal = { status: 503, code: 'unavailable' };
  let failures = 2;
  const flaky: typeof fetch = async (...request) => {
    failures -= 1;
    if (failures >= 0) throw new TypeError('fetch failed', { cause: new Error('getaddrinfo ENOTFOUND') });
    if (registrations() >= 3) refusal = null;
    return fetch(...request);
  };
  let attempts = 0;
  await connect({ fetch: flaky }).register(keys, () => {
    attempts += 1;
  });
  expect(stub.registered()).toEqual(keys);
  expect(attempts).toBe(6);
  expect(lines[0]).toContain('ENOTFOUND');
  expect(lines[2]).toContain('unavailable');
});

test('takes no for an answer', async () => {
  refusal = { status: 410, code: 'registration_token_expired' };
  const error = await connect()
    .register(keys, () => undefined)
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(RegistrationRefused);
  expect(error).toMatchObject({ code: 'registration_token_expired' });
  expect(registrations()).toBe(1);
});

test('gives up after bounded attempts', async () => {
  refusal = { status: 500, code: 'internal' };
  const reached = new AbortController();
  const register = connect({ signal: reached.signal }).register(keys, () => {
    if (registrations() >= 8) reached.abort();
  });
  await expect(register).rejects.toThrow();
  expect(registrations()).toBeLessThan(10);
});

test('reports phases in order, with times, and a failure with a redacted tail', async () => {
  const controlPlane = connect();
  let now = 0;
  const phase = createPhaseRunner({
    instanceId,
    controlPlane,
    log: (line) => lines.push(line),
    logTail: () => `${'x '.repeat(8000)}npm said no to hunter2hunter2 at the end`,
    secrets: ['hunter2hunter2'],
    now: () => now,
  });
  const value = await phase('installing', 'OpenClaw', async () => {
    now += 1234;
    return 7;
  });
  const failing = phase('starting', 'OpenClaw starts', async () => {
    throw new Error('it ended with hunter2hunter2');
  });
  await expect(failing).rejects.toThrow('it ended');
  expect(value).toBe(7);
  expect(stub.phases.map(({ phase: name, status, elapsedMs }) => [name, status, elapsedMs])).toEqual([
    ['installing', 'started', undefined],
    ['installing', 'finished', 1234],
    ['starting', 'started', undefined],
    ['starting', 'failed', 0],
  ]);
  const failed = stub.phases.at(-1);
  expect(failed?.message).toBe('it ended with [redacted]');
  expect(failed?.logTail).toMatch(/end$/);
  expect(failed?.logTail?.length).toBeLessThanOrEqual(8000);
  expect(JSON.stringify(stub.phases)).not.toContain('hunter2');
});

test('a report that is not taken holds nothing up', async () => {
  const controlPlane = connect({ token: 'W'.repeat(43) });
  controlPlane.report({ instanceId, phase: 'starting', status: 'started', message: 'x' });
  await controlPlane.flush();
  expect(lines.join()).toContain('was not taken: HTTP 401');
  expect(stub.requests).toHaveLength(1);
});
