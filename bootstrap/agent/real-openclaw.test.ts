import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir, networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBase64Url, ready } from '@claw-cloud/crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { buildUserData } from '../userdata/src/index.ts';
import { buildAgentBundle } from './bundle.ts';
import { isRunning } from './src/live-process.ts';
import { freePort } from './testing/free-port.ts';
import { type Birth, createMachine, type Machine, makeBirth } from './testing/machine.ts';
import { startTestModel, type TestModel } from './testing/model-server.ts';
import { type OwnerDevice, openOwnerDevice } from './testing/owner-device.ts';
import { type StubControlPlane, startStubControlPlane } from './testing/stub-control-plane.ts';

/** Shared with the product's own cache: OpenClaw takes 650 MB and a minute. */
const store = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'claw-cloud/instance-store');
const bootLimitMs = 10 * 60_000;
const token = 'T'.repeat(43);
const conversation = 'agent:main:web:first';

/** Files below a folder that hold the text, as they lie on the disk. */
const filesWith = (folder: string, text: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => {
      try {
        return readFileSync(file).includes(text);
      } catch {
        // Gone meanwhile.
        return false;
      }
    });

/** Processes of this user whose environment holds the text. */
const environmentsWith = (text: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`).includes(text);
      } catch {
        // Another's, or gone.
        return false;
      }
    });

let bundles: string;
let stub: StubControlPlane;
let model: TestModel;
let ownModel: TestModel;
let machine: Machine;
let birth: Birth;
let owner: OwnerDevice;
let port: number;

async function connect(pairing = false): Promise<OwnerDevice> {
  const opened = await openOwnerDevice(await stub.tunnel(bootLimitMs), {
    instanceId: birth.config.instanceId,
    deviceKeyPair: birth.deviceKeyPair,
    agentPublicKey: fromBase64Url(stub.registered()?.agentPublicKey ?? ''),
    ...(pairing ? { pairingSecret: birth.pairingSecret } : {}),
  });
  await opened.wait(
    'the gateway',
    (frame) => frame.type === 'gateway.status' && frame.status === 'connected',
    120_000,
  );
  await opened.request('sessions.messages.subscribe', { key: conversation, includeApprovals: true });
  return opened;
}

interface ChatEvent {
  runId: string;
  state: string;
  deltaText?: string;
  message?: { content: { text?: string }[] };
}

function chatEvents(runId: string): ChatEvent[] {
  return owner.frames.flatMap((frame) => {
    const payload =
      frame.type === 'gateway' && frame.frame['event'] === 'chat'
        ? (frame.frame['payload'] as ChatEvent)
        : null;
    return payload?.runId === runId ? [payload] : [];
  });
}

/** Sends a message and gives its run; `ended` waits for the last event. */
async function say(message: string) {
  const runId = randomUUID();
  await owner.request('chat.send', { sessionKey: conversation, message, idempotencyKey: runId });
  const ended = () =>
    owner.wait(
      `the end of "${message}"`,
      () => chatEvents(runId).find(({ state }) => ['final', 'error', 'aborted'].includes(state)),
      90_000,
    );
  return { runId, ended };
}
const words = (event: ChatEvent) => (event.message?.content ?? []).map(({ text }) => text ?? '').join('');

const approval = (command: string) =>
  owner.wait(
    `the question about "${command}"`,
    (frame) => {
      if (frame.type !== 'gateway' || frame.frame['event'] !== 'exec.approval.requested') return null;
      const payload = frame.frame['payload'] as { id: string; request: { command: string } };
      return payload.request.command.includes(command) && payload.id;
    },
    60_000,
  );

beforeAll(async () => {
  await ready();
  bundles = mkdtempSync(join(tmpdir(), 'claw-real-'));
  const { sha256 } = await buildAgentBundle(bundles);
  [stub, model, ownModel] = await Promise.all([
    startStubControlPlane({ bundleDir: bundles, token }),
    startTestModel('image-model'),
    startTestModel('own-model'),
  ]);
  port = await freePort();
  birth = makeBirth(stub.url, sha256, token);
  machine = createMachine({ CLAW_STORE: store, CLAW_PORT_BASE: String(port) });
  machine.writeFiles(buildUserData(birth.config));
  mkdirSync(join(machine.root, 'etc/claw'), { recursive: true });
  const provider = { id: 'image', baseUrl: model.baseUrl, apiKey: 'image-key', api: 'openai-completions' };
  writeFileSync(
    join(machine.root, 'etc/claw/model.json'),
    JSON.stringify({ provider, model: { id: 'image-1', name: 'Image' } }),
  );
  const { code, output } = await machine.boot();
  expect(code, output).toBe(0);
  owner = await connect(true);
}, bootLimitMs);

afterAll(async () => {
  await machine?.remove();
  await Promise.all([stub?.close(), model?.close(), ownModel?.close()]);
  rmSync(bundles, { recursive: true, force: true });
});

test('a machine went through its phases, registered, and keeps no secret it no longer needs', () => {
  const phases = stub.phases.filter(({ status }) => status === 'finished').map(({ phase }) => phase);
  expect(stub.phases.filter(({ status }) => status === 'failed')).toEqual([]);
  expect(phases).toEqual(['booting', 'installing', 'configuring', 'starting', 'warming']);
  expect(stub.registered()).toMatchObject({
    instanceId: birth.config.instanceId,
    openclawVersion: '2026.9.6',
  });
  const left = machine.read('etc/claw/bootstrap.json');
  for (const secret of [token, birth.config.owners.pairingSecret]) expect(left).not.toContain(secret);
  expect(machine.read('var/lib/claw/owners.json')).not.toContain(birth.config.owners.pairingSecret);
  expect(statSync(join(machine.root, 'etc/claw/bootstrap.json')).mode & 0o777).toBe(0o600);
  expect(machine.agentLog()).not.toContain('not warmed up');
});

test('nothing but loopback reaches the gateway', async () => {
  const addresses = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).filter(({ internal, family }) => !internal && family === 'IPv4'),
  );
  for (const { address } of addresses) {
    await expect(
      fetch(`http://${address}:${port}/healthz`, { signal: AbortSignal.timeout(2000) }),
    ).rejects.toThrow();
  }
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
});

test('chats, word by word, in a list of conversations that has no warm-up', async () => {
  const { runId, ended } = await say('hello from the test');
  const last = await ended();
  expect(last.state).toBe('final');
  expect(words(last)).toBe('image-model heard: hello from the test');
  expect(chatEvents(runId).filter(({ state }) => state === 'delta').length).toBeGreaterThan(1);
  await vi.waitFor(
    async () => {
      const { sessions } = (await owner.request('sessions.list', { limit: 50 })) as {
        sessions: { key: string }[];
      };
      expect(sessions.map(({ key }) => key)).toEqual([conversation]);
    },
    { timeout: 30_000, interval: 1000 },
  );
}, 120_000);

test('a command waits for the owner: it runs when allowed, and does not when denied', async () => {
  const allowed = join(machine.root, 'allowed');
  const { ended } = await say(`run: touch ${allowed}`);
  const id = await approval(allowed);
  expect(existsSync(allowed)).toBe(false);
  await owner.request('exec.approval.resolve', { id, decision: 'allow-once' });
  expect((await ended()).state).toBe('final');
  expect(existsSync(allowed)).toBe(true);

  const denied = join(machine.root, 'denied');
  const second = await say(`run: touch ${denied}`);
  await owner.request('exec.approval.resolve', { id: await approval(denied), decision: 'deny' });
  expect((await second.ended()).state).toBe('final');
  expect(existsSync(denied)).toBe(false);
}, 120_000);

test('after a lost tunnel the history is there, and pairing again is refused', async () => {
  const before = stub.tunnels();
  stub.cutTunnel();
  await vi.waitFor(() => expect(stub.tunnels()).toBeGreaterThan(before), { timeout: 20_000 });
  await expect(connect(true)).rejects.toMatchObject({ detail: { reason: 'pairing_used' } });
  owner = await connect();
  const { messages } = (await owner.request('chat.history', { sessionKey: conversation, limit: 50 })) as {
    messages: unknown[];
  };
  expect(JSON.stringify(messages)).toContain('hello from the test');
}, 60_000);

test("the owner's own model is stored, tried and used", async () => {
  const key = 'own-canary-key-0123456789';
  const input = { provider: 'custom', apiKey: key, model: 'own-1', baseUrl: ownModel.baseUrl };
  expect(await owner.command('model.set', input, 120_000)).toMatchObject({
    provider: 'custom',
    model: 'own-1',
    check: { status: 'ok' },
  });
  expect(await owner.command('model.get')).toEqual({
    provider: 'custom',
    model: 'own-1',
    baseUrl: ownModel.baseUrl,
  });
  expect(words(await (await say('who are you?')).ended())).toBe('own-model heard: who are you?');
  expect(ownModel.keys.at(-1)).toBe(key);
  // Another model at the same address replaces the first.
  expect(await owner.command('model.set', { ...input, model: 'own-2' }, 120_000)).toMatchObject({
    model: 'own-2',
  });
  expect(await owner.command('instance.health')).toMatchObject({
    gateway: 'ready',
    openclawVersion: '2026.9.6',
  });
  for (const path of ['var/log/claw/agent.log', 'etc/claw/bootstrap.json'])
    expect(machine.read(path)).not.toContain(key);
}, 180_000);

test('a reboot brings everything back, and no word was logged', async () => {
  const pid = machine.agentPid() ?? 0;
  const before = stub.tunnels();
  await machine.stop();
  expect(isRunning(pid)).toBe(false);
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
  const { code, output } = await machine.boot({}, 'etc/claw/boot.d/10-claw-agent');
  expect(code, output).toBe(0);
  await vi.waitFor(() => expect(stub.tunnels()).toBeGreaterThan(before), { timeout: 30_000 });
  owner = await connect();
  const { messages } = (await owner.request('chat.history', { sessionKey: conversation, limit: 50 })) as {
    messages: unknown[];
  };
  expect(JSON.stringify(messages)).toContain('who are you?');
  expect(await owner.command('model.get')).toMatchObject({ model: 'own-2' });
  for (const word of ['hello from the test', 'who are you', birth.config.owners.pairingSecret]) {
    expect(machine.agentLog()).not.toContain(word);
  }
}, 240_000);

test('the owner reads and changes settings as OpenClaw’s own schema allows, and opens nothing by it', async () => {
  const read = async () =>
    (await owner.command('config.get')) as { hash: string; config: Record<string, unknown> };
  const before = await read();
  expect(JSON.stringify(before.config)).not.toContain('own-canary-key');
  const set = (patch: object, baseHash = before.hash) =>
    owner.command('config.set', { baseHash, patch }, 120_000);
  const heartbeat = (every: unknown) => ({ agents: { defaults: { heartbeat: { every } } } });

  const path = 'agents.defaults.heartbeat.every';
  const { schema } = (await owner.command('config.schema', { path })) as { schema: { path: string } };
  expect(schema.path).toBe(path);
  expect(JSON.stringify(await owner.command('config.schema')).length).toBeGreaterThan(10_000);
  await expect(owner.command('config.schema', { path: 'no.such.setting' })).rejects.toMatchObject({
    code: 'invalid_request',
  });

  await expect(set(heartbeat(12))).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining('agents.defaults.heartbeat.every'),
  });
  await expect(set({ noSuchSetting: true })).rejects.toMatchObject({ code: 'invalid_request' });
  for (const patch of [
    { gateway: { bind: 'lan' } },
    { gateway: null },
    { tools: { exec: { mode: 'auto' } } },
    { tools: null },
    { agents: { list: [{ id: 'main', tools: { exec: { mode: 'auto' } } }] } },
  ])
    await expect(set(patch)).rejects.toMatchObject({ code: 'forbidden' });
  expect((await read()).hash).toBe(before.hash);

  const { hash } = (await set(heartbeat('45m'))) as { hash: string };
  expect(await read()).toMatchObject({ hash, config: heartbeat('45m') });
  await expect(set(heartbeat('50m'))).rejects.toMatchObject({ code: 'conflict' });
  await set(heartbeat('0m'), hash);
}, 240_000);

test('the owner sees which providers have a key here, tries one, and takes one away', async () => {
  const list = async () =>
    ((await owner.command('model.list', {}, 120_000)) as { providers: { provider: string }[] }).providers;
  expect(await list()).toEqual([
    { provider: 'custom', model: 'own-2', isDefault: true },
    { provider: 'image', model: 'image-1', isDefault: false },
  ]);
  expect(await owner.command('model.test', { provider: 'custom' }, 120_000)).toMatchObject({ status: 'ok' });
  await expect(owner.command('model.test', { provider: 'nobody' }, 60_000)).rejects.toMatchObject({
    code: 'not_found',
  });
  // A key in OpenClaw's own store: no provider answers here, and it isn't the image's that is asked.
  const key = 'sk-stored-canary-0123456789';
  await owner.command('model.set', { provider: 'openai', apiKey: key, model: 'gpt-x' }, 180_000);
  expect(await list()).toContainEqual({ provider: 'openai', model: 'gpt-x', isDefault: true });
  for (const file of ['var/lib/openclaw/openclaw.json', 'var/log/claw/agent.log'])
    expect(machine.read(file)).not.toContain(key);
  // It lies in OpenClaw's store, for its owner's eyes only, and in no process's environment.
  const kept = filesWith(join(machine.root, 'var/lib/openclaw'), key);
  expect(kept.length).toBeGreaterThan(0);
  for (const file of kept) expect([file, statSync(file).mode & 0o077]).toEqual([file, 0]);
  expect(environmentsWith(key)).toEqual([]);
  await owner.command('model.remove', { provider: 'openai' }, 120_000);
  expect((await list()).map(({ provider }) => provider)).toEqual(['custom', 'image']);
  expect(await owner.command('model.get')).toMatchObject({ provider: null });
  await owner.command('model.remove', { provider: 'custom' }, 120_000);
  expect((await list()).map(({ provider }) => provider)).toEqual(['image']);
  await expect(owner.command('model.remove', { provider: 'custom' }, 60_000)).rejects.toMatchObject({
    code: 'not_found',
  });
  expect(machine.read('var/lib/openclaw/openclaw.json')).not.toContain('own-canary-key');
}, 300_000);

test('the owner reads the logs of this server, and what no sandbox has is said', async () => {
  const tail = async (source: string) =>
    ((await owner.command('logs.tail', { source, lines: 50 })) as { lines: string[] }).lines;
  const [gateway, agent] = [await tail('gateway'), await tail('agent')];
  expect(gateway.length).toBeGreaterThan(5);
  expect(gateway.filter((line) => line.startsWith('{'))).toEqual([]);
  expect(agent.join('\n')).toContain('owner channel open');
  for (const line of [...gateway, ...agent]) expect(line).not.toContain('own-canary-key');
  await expect(tail('security')).rejects.toMatchObject({ code: 'machine_needed' });
}, 60_000);
