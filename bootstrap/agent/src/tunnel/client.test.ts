import type http2 from 'node:http2';
import { ready, toBase64Url } from '@claw-cloud/crypto';
import { generateIdentity, type Identity } from '@claw-cloud/crypto/signing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  type StubControlPlane,
  type StubOptions,
  startStubControlPlane,
} from '../../testing/stub-control-plane.ts';
import { keepTunnel, type TunnelOptions } from './client.ts';

const token = 'T'.repeat(43);
const instanceId = 'ins_0123456789abcdefghijklmn';
let stub: StubControlPlane;
let identity: Identity;
let lines: string[];
let refusal: ReturnType<NonNullable<StubOptions['refuseTunnel']>>;
let atTheDoor: boolean;
let stop: AbortController;
let running: Promise<void>;

beforeEach(async () => {
  await ready();
  identity = generateIdentity();
  lines = [];
  refusal = null;
  atTheDoor = false;
  stop = new AbortController();
  running = Promise.resolve();
  stub = await startStubControlPlane({
    token,
    refuseTunnel: () => refusal,
    refuseAtTheDoor: () => atTheDoor,
  });
  const keys = { agentPublicKey: 'A'.repeat(43), agentVersion: '0.1.0', openclawVersion: '2026.9.6' };
  await fetch(`${stub.url}/v1/bootstrap/register`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({ instanceId, identityPublicKey: toBase64Url(identity.publicKey), ...keys }),
  });
});
afterEach(async () => {
  stop.abort();
  await running;
  await stub.close();
});

function open(options: Partial<TunnelOptions> = {}): void {
  running = keepTunnel({
    controlPlaneUrl: stub.url,
    instanceId,
    identities: () => [identity],
    log: (line) => lines.push(line),
    signal: stop.signal,
    retryBaseMs: 10,
    lossSpreadMs: 10,
    refusedRetryMs: 50,
    onStream: (stream, headers) => {
      stream.respond({ ':status': 200 });
      if (headers[':path'] === '/echo') stream.pipe(stream);
      else stream.end('hello');
    },
    ...options,
  });
}

async function get(session: http2.ClientHttp2Session, path = '/'): Promise<string> {
  const stream = session.request({ ':path': path });
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

test('proves itself and serves, and comes back after every loss', async () => {
  open();
  expect(await get(await stub.tunnel(15_000))).toBe('hello');
  for (let loss = 1; loss <= 3; loss += 1) {
    stub.cutTunnel();
    await vi.waitFor(() => expect(stub.tunnels()).toBe(loss + 1), { timeout: 15_000 });
    expect(await get(await stub.tunnel(15_000))).toBe('hello');
  }
  expect(lines.filter((line) => line.startsWith('tunnel lost'))).toHaveLength(3);
});

test('carries a large body whole, and many streams at once', async () => {
  open();
  const session = await stub.tunnel(15_000);
  const megabytes = 20;
  const stream = session.request({ ':method': 'POST', ':path': '/echo' });
  let got = 0;
  stream.on('data', (chunk: Buffer) => {
    got += chunk.length;
  });
  for (let part = 0; part < megabytes; part += 1) {
    if (!stream.write(Buffer.alloc(2 ** 20, part)))
      await new Promise((resolve) => stream.once('drain', resolve));
  }
  stream.end();
  expect(await Promise.all(Array.from({ length: 20 }, () => get(session)))).toEqual(Array(20).fill('hello'));
  await vi.waitFor(() => expect(got).toBe(megabytes * 2 ** 20), { timeout: 15_000 });
});

test('a refusal is logged with its reason and tried again', async () => {
  refusal = {
    code: 'tunnel_key_unknown',
    message: 'This instance is not registered.',
    fix: 'Deploy it again.',
  };
  open();
  await vi.waitFor(() => expect(stub.tunnels()).toBeGreaterThan(1), { timeout: 15_000 });
  expect(lines).toContain('no tunnel: tunnel_key_unknown: This instance is not registered. Deploy it again.');
  refusal = null;
  expect(await get(await stub.tunnel(15_000))).toBe('hello');
});

test('waits long after a refusal that will stay, and not after one that passes', async () => {
  refusal = { code: 'unavailable', message: 'Not now.', fix: 'Again.' };
  open({ refusedRetryMs: 60_000 });
  await vi.waitFor(() => expect(stub.tunnels()).toBeGreaterThan(2), { timeout: 15_000 });
  refusal = { code: 'tunnel_signature_invalid', message: 'Wrong key.', fix: 'None.' };
  await vi.waitFor(() => expect(lines.at(-1)).toContain('tunnel_signature_invalid'), { timeout: 15_000 });
  const tries = stub.tunnels();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(stub.tunnels()).toBe(tries);
});

test.each([
  ['after its proof', false],
  ['before it was asked for one', true],
])('dials again when the control plane says, and not before: refused %s', async (_, early) => {
  atTheDoor = early;
  refusal = { code: 'unavailable', message: 'Full.', fix: 'Later.', retryAfterMs: 700 };
  const times: number[] = [];
  open({
    refusedRetryMs: 60_000,
    log: (line) => line.startsWith('no tunnel') && times.push(performance.now()),
  });
  await vi.waitFor(() => expect(times).toHaveLength(3), { timeout: 15_000 });
  const [first = 0, second = 0, third = 0] = times;
  expect(Math.min(second - first, third - second)).toBeGreaterThan(690);
});

test('many that are cut off at once come back spread over the seconds they may take', async () => {
  const waits: number[] = [];
  const spread = async (random: number): Promise<void> => {
    const stopOne = new AbortController();
    const cutAt: number[] = [];
    const before = stub.tunnels();
    const one = keepTunnel({
      controlPlaneUrl: stub.url,
      instanceId,
      identities: () => [identity],
      log: (line) => line.startsWith('tunnel lost') && cutAt.push(performance.now()),
      signal: stopOne.signal,
      random: () => random,
      retryBaseMs: 1,
      lossSpreadMs: 1000,
      onStream: () => undefined,
    });
    await vi.waitFor(() => expect(stub.tunnels()).toBe(before + 1), { timeout: 15_000 });
    stub.cutTunnel();
    await vi.waitFor(() => expect(stub.tunnels()).toBe(before + 2), { timeout: 15_000, interval: 5 });
    waits.push(performance.now() - (cutAt[0] ?? 0));
    stopOne.abort();
    await one;
  };
  for (const random of [0, 0.5, 0.9]) await spread(random);
  expect(waits[1]).toBeGreaterThan(490);
  expect(waits[2]).toBeGreaterThan(890);
});

test('proves the newer identity where the former is no longer known, and says which was taken', async () => {
  const former = generateIdentity();
  const proven: Identity[] = [];
  open({
    identities: () => [former, identity],
    refusedRetryMs: 60_000,
    onProven: (which) => proven.push(which),
  });
  await vi.waitFor(() => expect(proven).toHaveLength(1), { timeout: 15_000 });
  expect(proven[0]).toBe(identity);
  expect(lines.join()).toContain('tunnel_signature_invalid');
});

test('gives no signature to a control plane that asks for another', async () => {
  await stub.close();
  stub = await startStubControlPlane({ token, audience: 'other.example' });
  open();
  await vi.waitFor(() => expect(lines.join()).toContain('the challenge is for other.example'), {
    timeout: 15_000,
  });
  expect(stub.tunnels()).toBe(0);
});

test('notices that the other end has gone silent', async () => {
  open({ pingMs: 100 });
  await stub.tunnel(15_000);
  stub.freezeTunnel();
  await vi.waitFor(() => expect(stub.tunnels()).toBe(2), { timeout: 15_000 });
});

test('ends at once when told, and while it waits', async () => {
  open({ controlPlaneUrl: 'http://127.0.0.1:9', retryBaseMs: 60_000 });
  await vi.waitFor(() => expect(lines.join()).toContain('no tunnel'), { timeout: 15_000 });
  stop.abort();
  await running;
});
