import { mkdtempSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateKeyPair, type KeyPair, ready, toBase64Url } from '@claw-cloud/crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type FakeGateway, startFakeGateway } from '../../testing/fake-gateway.ts';
import { type DeviceOptions, openOwnerDevice } from '../../testing/owner-device.ts';
import { type Audit, createAudit } from '../audit/audit.ts';
import { loadKeys } from '../keys.ts';
import { enrolOwners, type Owners, openOwners } from '../owners/owners.ts';
import { createPaths } from '../paths.ts';
import { createNotices, type Notices } from './notices.ts';
import { createOwnerStreams, type OwnerStreamOptions } from './owner-stream.ts';

const instanceId = 'ins_0123456789abcdefghijklmn';
const pairingSecret = new Uint8Array(32).fill(9);
const recoverySecret = new Uint8Array(32).fill(8);
const inviteSecret = new Uint8Array(32).fill(7);
const health = {
  agentVersion: '0.1.0',
  openclawVersion: '2026.9.6',
  gateway: 'ready',
  uptimeSeconds: 5,
} as const;
let root: string;
let gateway: FakeGateway;
let gatewayState: 'ready' | 'starting' | 'down';
let device: KeyPair;
let recoveryKey: KeyPair;
let agentKeys: ReturnType<typeof loadKeys>;
let channelKeys: [KeyPair, ...KeyPair[]];
const keyListeners = new Set<() => void>();
let owners: Owners;
let notices: Notices;
let audit: Audit;
let session: http2.ClientHttp2Session;
let streams: http2.ServerHttp2Stream[];
let lines: string[];
let closeAll: () => void;

beforeEach(async () => {
  await ready();
  root = mkdtempSync(join(tmpdir(), 'claw-owner-'));
  const paths = createPaths(root, null);
  [lines, streams, gatewayState] = [[], [], 'ready'];
  gateway = await startFakeGateway();
  device = generateKeyPair();
  recoveryKey = generateKeyPair();
  agentKeys = loadKeys(paths);
  enrolOwners(paths.ownersJson, {
    devicePublicKey: toBase64Url(device.publicKey),
    deviceName: 'test',
    recoveryPublicKey: toBase64Url(recoveryKey.publicKey),
    recoverySecret: toBase64Url(recoverySecret),
    pairingSecret: toBase64Url(pairingSecret),
  });
  owners = openOwners(paths.ownersJson);
  notices = createNotices();
  audit = createAudit({ dir: join(root, 'audit'), log: (line) => lines.push(line) });
  channelKeys = [agentKeys.channel];
  const serve = createOwnerStreams({
    instanceId,
    agentKeyPairs: () => channelKeys,
    onKeyChange: (listener) => {
      keyListeners.add(listener);
      return () => void keyListeners.delete(listener);
    },
    owners,
    notices,
    gateway: {
      port: gateway.port,
      token: gateway.token,
      device: agentKeys.gatewayDevice,
      state: () => gatewayState,
      version: () => '2026.9.6',
    },
    // What no command of these tests uses is left out.
    context: { health: () => health, root: null, paths, audit } as OwnerStreamOptions['context'],
    log: (line) => lines.push(line),
    handshakeLimitMs: 4000,
  });
  const [agentEnd, apiEnd] = duplexPair();
  const server = http2.performServerHandshake(agentEnd, { settings: { initialWindowSize: 2 ** 21 } });
  server.setLocalWindowSize(2 ** 24);
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    streams.push(stream);
    serve(stream);
  });
  session = http2.connect('http://agent', {
    createConnection: () => apiEnd,
    settings: { initialWindowSize: 2 ** 21 },
  });
  closeAll = () => {
    session.destroy();
    server.destroy();
  };
});
afterEach(async () => {
  closeAll();
  await gateway.stop();
  rmSync(root, { recursive: true, force: true });
});

const open = (options: Partial<DeviceOptions> = {}) =>
  openOwnerDevice(session, {
    instanceId,
    deviceKeyPair: device,
    agentPublicKey: agentKeys.channel.publicKey,
    ...options,
  });
const connected = async (owner: Awaited<ReturnType<typeof open>>) => {
  await owner.wait(
    'the gateway',
    (frame) => frame.type === 'gateway.status' && frame.status === 'connected' && frame,
    20_000,
  );
  return owner;
};
/** Waits until `measure` gives the same twice, half a second apart: whatever could flow has flowed. */
async function settled(measure: () => unknown): Promise<void> {
  for (let before: unknown = {}; before !== measure(); await sleep(500)) before = measure();
}
const eventOf = (owner: Awaited<ReturnType<typeof open>>, name: string, limitMs = 10_000) =>
  owner.wait(
    name,
    (frame) => frame.type === 'gateway' && frame.frame['event'] === name && frame.frame,
    limitMs,
  );

test('signs in for the owner with the least scopes and its own device, and relays frames unchanged', async () => {
  const owner = await connected(await open());
  expect(gateway.connects).toMatchObject([
    {
      client: { id: 'gateway-client', mode: 'backend' },
      role: 'operator',
      scopes: ['operator.read', 'operator.write', 'operator.approvals', 'operator.questions'],
      caps: ['tool-events', 'approvals'],
      device: { id: agentKeys.gatewayDevice.id },
    },
  ]);
  const params = { text: 'grüße 🦀', nested: { list: [1, null, 'x'] } };
  expect(await owner.request('anything.at.all', params)).toEqual(params);
  expect(gateway.requests).toMatchObject([{ type: 'req', method: 'anything.at.all', params }]);
  const event = {
    type: 'event',
    event: 'chat',
    payload: { deltaText: 'secret words', unknown: { kept: true } },
    seq: 7,
  };
  gateway.emit(event);
  expect(await eventOf(owner, 'chat')).toEqual(event);
  expect(lines.join()).not.toContain('secret words');
});

test("refuses the owner's own sign-in, so that no other scopes are ever asked for", async () => {
  const owner = await connected(await open());
  await expect(owner.request('connect', { scopes: ['operator.admin'] })).rejects.toThrow(
    'signed in for you already',
  );
  expect(gateway.requests).toEqual([]);
});

test('answers for a gateway that is away, says so, and comes back by itself', async () => {
  const owner = await connected(await open());
  gatewayState = 'down';
  await gateway.stop();
  await owner.wait('the loss', (frame) => frame.type === 'gateway.status' && frame.status === 'disconnected');
  await expect(owner.request('sessions.list')).rejects.toThrow('"retryable":true');
  owner.frames.length = 0;
  await gateway.start();
  gatewayState = 'ready';
  await connected(owner);
  expect(await owner.request('sessions.list', { limit: 1 })).toEqual({ limit: 1 });
});

test('a gateway that withholds a scope is no connection', async () => {
  gateway.grant = () => ['operator.read'];
  const owner = await open();
  const status = await owner.wait('the refusal', (frame) => frame.type === 'gateway.status' && frame, 20_000);
  expect(status).toMatchObject({
    status: 'disconnected',
    reason: expect.stringContaining('withheld operator.write'),
  });
});

test('answers to enrolled devices only', async () => {
  await expect(open({ deviceKeyPair: generateKeyPair() })).rejects.toMatchObject({
    code: 'channel_refused',
    detail: { reason: 'device_not_enrolled' },
  });
  expect(gateway.connects).toEqual([]);
});

test('takes the pairing secret once', async () => {
  await connected(await open({ pairingSecret }));
  await expect(open({ pairingSecret })).rejects.toMatchObject({ detail: { reason: 'pairing_used' } });
  await connected(await open());
});

test('carries messages of many megabytes both ways, and no larger ones than agreed', async () => {
  const owner = await connected(await open());
  const text = 'x'.repeat(24 * 2 ** 20);
  expect(((await owner.request('echo', { text })) as { text: string }).text.length).toBe(text.length);
  const tooMuch = {
    type: 'gateway',
    frame: { type: 'req', id: 'big', method: 'echo', params: { text: 'x'.repeat(27 * 2 ** 20) } },
  } as const;
  expect(() => owner.send(tooMuch)).toThrow(expect.objectContaining({ code: 'channel_message_too_large' }));
}, 90_000);

test('reads no more from the gateway than a slow owner takes', async () => {
  const owner = await connected(await open());
  owner.stream.pause();
  const megabyte = { type: 'event', event: 'chat', payload: { text: 'x'.repeat(2 ** 20) } };
  for (let count = 0; count < 60; count += 1) gateway.emit(megabyte);
  await vi.waitFor(() => expect(streams[0]?.writableNeedDrain).toBe(true), { timeout: 20_000 });
  // What the owner doesn't take stays with the gateway, but for what fits into the sockets between.
  await settled(() => gateway.sockets()[0]?.bufferedAmount);
  expect(gateway.sockets()[0]?.bufferedAmount).toBeGreaterThan(10 * 2 ** 20);
  expect(streams[0]?.writableLength).toBeLessThan(10 * 2 ** 20);
  owner.stream.resume();
  await vi.waitFor(() => expect(owner.frames.filter(({ type }) => type === 'gateway')).toHaveLength(60), {
    timeout: 40_000,
  });
}, 90_000);

test('reads no more from the owner than a slow gateway takes', async () => {
  gateway.answer = () => null;
  const owner = await connected(await open());
  const [socket] = gateway.sockets();
  socket?.pause();
  const params = { text: 'x'.repeat(2 ** 20) };
  for (let count = 0; count < 60; count += 1) {
    owner.send({ type: 'gateway', frame: { type: 'req', id: `s${count}`, method: 'chat.send', params } });
  }
  await vi.waitFor(() => expect(streams[0]?.isPaused()).toBe(true), { timeout: 20_000 });
  expect(owner.stream.writableLength).toBeGreaterThan(20 * 2 ** 20);
  socket?.resume();
  await vi.waitFor(() => expect(gateway.requests).toHaveLength(60), { timeout: 40_000 });
}, 90_000);

test('ends a channel that speaks something else, and one that says nothing', async () => {
  const owner = await connected(await open());
  const stranger = { type: 'gateway', frame: 'not an object' } as unknown as Parameters<typeof owner.send>[0];
  owner.send(stranger);
  expect(await owner.ended).toBeNull();
  await vi.waitFor(() => expect(gateway.sockets()).toHaveLength(0), { timeout: 15_000 });

  const silent = session.request({ ':method': 'POST', ':path': '/owner' });
  silent.resume();
  const closed = Promise.withResolvers<void>();
  silent.once('close', () => closed.resolve());
  await closed.promise;
});

test('answers commands, with the fix for those it cannot carry out', async () => {
  const owner = await connected(await open());
  expect(await owner.command('instance.health')).toEqual(health);
  await expect(owner.command('format.disk')).rejects.toMatchObject({
    code: 'not_found',
    fix: expect.any(String),
  });
  await expect(owner.command('model.set', { provider: 'openai' })).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining('apiKey'),
  });
  const custom = { provider: 'custom', apiKey: 'k' };
  await expect(owner.command('model.set', custom)).rejects.toMatchObject({
    message: expect.stringContaining('address'),
  });
});

test('sets a model with administrating scopes of its own, and says whether the provider answered', async () => {
  const owner = await connected(await open());
  gateway.answer = ({ method }) =>
    method === 'config.get'
      ? { hash: 'h1', config: {} }
      : method === 'models.probe'
        ? { status: 'auth_error', error: 'HTTP 401' }
        : {};
  const value = await owner.command('model.set', {
    provider: 'anthropic',
    apiKey: 'sk-canary-key',
    model: 'claude-x',
  });
  expect(value).toEqual({
    provider: 'anthropic',
    model: 'claude-x',
    check: { status: 'failed', reason: 'HTTP 401' },
  });
  expect(gateway.connects.at(-1)?.scopes).toContain('operator.admin');
  expect(gateway.requests.map(({ method }) => method)).toEqual([
    'models.authSetApiKey',
    'config.get',
    'config.patch',
    'models.probe',
  ]);
  expect(JSON.stringify(gateway.requests[2])).toContain('anthropic/claude-x');
  expect(lines.join()).not.toContain('sk-canary-key');
});

const noticeOf = (owner: Awaited<ReturnType<typeof open>>, kind: string) =>
  owner.wait(kind, (frame) => frame.type === 'notice' && frame.notice.kind === kind && frame.notice, 10_000);

test('one device lets another in by a code, hears of it, and can show it out at once', async () => {
  const owner = await open();
  const secret = toBase64Url(inviteSecret);
  await owner.command('devices.invite', { inviteId: 'invite-0001', secret });
  const guestKey = generateKeyPair();
  const invited = { deviceKeyPair: guestKey, pairingSecret: inviteSecret, pairingId: 'invite-0001' };
  await expect(open({ ...invited, pairingSecret })).rejects.toMatchObject({ code: 'agent_key_unproven' });
  const guest = await open({ ...invited, clientName: 'Phone' });
  // The guest's first answer proves that it was enrolled before anything of it was heard.
  const { devices } = (await guest.command('devices.list')) as {
    devices: { name: string; kind: string; current: boolean; lastSeenAt: string | null }[];
  };
  expect(devices.map(({ name, kind, current }) => [name, kind, current])).toEqual([
    ['test', 'device', false],
    ['Recovery code', 'recovery', false],
    ['Phone', 'device', true],
  ]);
  expect(devices[2]?.lastSeenAt).not.toBeNull();
  expect(await noticeOf(owner, 'device_added')).toMatchObject({ name: 'Phone' });
  expect(guest.frames.filter(({ type }) => type === 'notice')).toEqual([]);
  await expect(open(invited)).rejects.toMatchObject({ detail: { reason: 'invite_unknown' } });

  const publicKey = toBase64Url(guestKey.publicKey);
  await owner.command('devices.rename', { publicKey, name: 'Old phone' });
  expect(owners.find(publicKey)?.name).toBe('Old phone');
  await owner.command('devices.revoke', { publicKey });
  expect(await guest.ended).toMatchObject({
    code: 'channel_refused',
    detail: { reason: 'device_not_enrolled' },
  });
  await expect(open({ deviceKeyPair: guestKey })).rejects.toMatchObject({
    detail: { reason: 'device_not_enrolled' },
  });
  const own = toBase64Url(device.publicKey);
  await expect(owner.command('devices.revoke', { publicKey: own })).rejects.toMatchObject({
    code: 'last_device',
  });
  const { entries } = audit.list(0, 100);
  expect(entries.map(({ actor, action }) => `${actor} ${action}`)).toEqual([
    'owner:test device.invite',
    'owner:Phone device.enter',
    'owner:test device.rename',
    'owner:test device.revoke',
  ]);
  expect(JSON.stringify(entries)).not.toContain(secret);
});

test('a device that revokes itself hears that it was done', async () => {
  const owner = await open();
  owners.enrol({ publicKey: toBase64Url(generateKeyPair().publicKey), name: 'other' });
  const publicKey = toBase64Url(device.publicKey);
  expect(await owner.command('devices.revoke', { publicKey })).toEqual({ ok: true });
  expect(await owner.ended).toMatchObject({ code: 'channel_refused' });
});

test('only who comes with the recovery code enrols a device by its key, in place of all others', async () => {
  const owner = await open();
  const fresh = generateKeyPair();
  const enrolment = { publicKey: toBase64Url(fresh.publicKey), name: 'new laptop', revokeOthers: true };
  await expect(owner.command('devices.enrol', enrolment)).rejects.toMatchObject({ code: 'forbidden' });
  await expect(open({ deviceKeyPair: recoveryKey, pairingSecret })).rejects.toMatchObject({
    code: 'agent_key_unproven',
  });
  const recovered = await open({ deviceKeyPair: recoveryKey, pairingSecret: recoverySecret });
  expect(await recovered.command('devices.enrol', enrolment)).toEqual({ revoked: 1 });
  expect(await owner.ended).toMatchObject({ code: 'channel_refused' });
  await connected(await open({ deviceKeyPair: fresh }));
  // The code serves again: it is for the next lost laptop too.
  await open({ deviceKeyPair: recoveryKey, pairingSecret: recoverySecret });
});

test('passes notices on to every open channel', async () => {
  const [one, other] = [await connected(await open()), await connected(await open())];
  notices.send({ kind: 'update_offered', version: '2026.9.7' });
  for (const owner of [one, other])
    expect(await noticeOf(owner, 'update_offered')).toMatchObject({ version: '2026.9.7' });
});

test('answers to a former key for a while, and tells the new one to whoever has another pinned', async () => {
  const former = agentKeys.channel;
  const pinned = await connected(await open());
  const next = generateKeyPair();
  channelKeys = [next, former];
  for (const listener of keyListeners) listener();
  const publicKey = toBase64Url(next.publicKey);
  const told = (owner: typeof pinned) =>
    owner.wait('the new key', (frame) => frame.type === 'agent.key' && frame.publicKey, 10_000);
  expect(await told(pinned)).toBe(publicKey);
  expect(await told(await open({ agentPublicKey: former.publicKey }))).toBe(publicKey);
  const current = await connected(await open({ agentPublicKey: next.publicKey }));
  expect(current.frames.filter(({ type }) => type === 'agent.key')).toEqual([]);
  channelKeys = [next];
  await expect(open({ agentPublicKey: former.publicKey })).rejects.toMatchObject({
    detail: { reason: 'handshake_failed' },
  });
});

test('turns away more channels than it can serve', async () => {
  await Promise.all(Array.from({ length: 32 }, () => open()));
  await expect(open()).rejects.toMatchObject({ detail: { reason: 'busy' } });
});
