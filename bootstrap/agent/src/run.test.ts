import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InstanceHealth } from '@claw-cloud/contracts';
import { fromBase64Url, ready } from '@claw-cloud/crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { buildUserData } from '../../userdata/src/index.ts';
import { buildAgentBundle } from '../bundle.ts';
import { writeFakeOpenClaw } from '../testing/fake-openclaw.ts';
import { freePort } from '../testing/free-port.ts';
import { type Birth, createMachine, type Machine, makeBirth } from '../testing/machine.ts';
import { openOwnerDevice } from '../testing/owner-device.ts';
import { type StubControlPlane, startStubControlPlane } from '../testing/stub-control-plane.ts';
import { isRunning } from './live-process.ts';

const token = 'T'.repeat(43);
const hook = 'etc/claw/boot.d/10-claw-agent';
let shared: string;
let sha256: string;
let stub: StubControlPlane;
let machine: Machine;
let birth: Birth;
let refusal: { status: number; code: string } | null;

beforeAll(async () => {
  await ready();
  shared = mkdtempSync(join(tmpdir(), 'claw-run-'));
  writeFakeOpenClaw(join(shared, 'store'));
  ({ sha256 } = await buildAgentBundle(shared));
});
afterAll(() => rmSync(shared, { recursive: true, force: true }));

beforeEach(async () => {
  refusal = null;
  stub = await startStubControlPlane({ bundleDir: shared, token, refuseRegistration: () => refusal });
  birth = makeBirth(stub.url, sha256, token);
  machine = createMachine({
    CLAW_STORE: join(shared, 'store'),
    CLAW_PORT_BASE: String(await freePort()),
    CLAW_RETRY_SECONDS: '0',
  });
  machine.writeFiles(buildUserData(birth.config));
});
afterEach(async () => {
  await machine.remove();
  await stub.close();
});

const phases = () => stub.phases.map(({ phase, status }) => `${phase} ${status}`);
const owner = async (pairing: boolean) =>
  openOwnerDevice(await stub.tunnel(40_000), {
    instanceId: birth.config.instanceId,
    deviceKeyPair: birth.deviceKeyPair,
    agentPublicKey: fromBase64Url(stub.registered()?.agentPublicKey ?? ''),
    ...(pairing ? { pairingSecret: birth.pairingSecret } : {}),
  });

async function get(session: http2.ClientHttp2Session, path: string, method = 'GET') {
  const stream = session.request({ ':method': method, ':path': path }, { endStream: true });
  let status: number | undefined;
  stream.on('response', (headers) => {
    status = headers[':status'];
  });
  let text = '';
  for await (const chunk of stream) text += chunk;
  return { status, text };
}

test('goes through the phases once, and serves its health and its owner through the tunnel', async () => {
  const { code, output } = await machine.boot();
  expect(code, output).toBe(0);
  const session = await stub.tunnel(40_000);
  expect(phases()).toEqual([
    'booting started',
    'booting finished',
    ...['installing', 'configuring', 'starting', 'warming'].flatMap((phase) => [
      `${phase} started`,
      `${phase} finished`,
    ]),
    'registering started',
  ]);
  const health = await get(session, '/health');
  expect(health.status).toBe(200);
  expect(InstanceHealth.strict().parse(JSON.parse(health.text))).toMatchObject({
    agentVersion: '0.1.0',
    openclawVersion: '2026.9.6',
    gateway: 'ready',
    agentSha256: sha256,
    machine: { kind: 'process' },
    gatewayCheck: { missesInARow: 0, restarts: 0, lastRestartReason: null },
  });
  for (const [path, method] of [
    ['/', 'GET'],
    ['/health', 'POST'],
    ['/owner', 'GET'],
    ['/restart', 'POST'],
  ] as const) {
    expect((await get(session, path, method)).status).toBe(404);
  }
  await (await owner(true)).wait(
    'the gateway',
    (frame) => frame.type === 'gateway.status' && frame.status === 'connected',
    30_000,
  );

  const again = await machine.boot();
  expect([again.code, again.output]).toEqual([0, expect.stringContaining('runs already, as process')]);
}, 90_000);

test('a refused registration ends the start, and the cause is where people look', async () => {
  refusal = { status: 410, code: 'registration_token_expired' };
  await machine.boot();
  await vi.waitFor(() => expect(machine.agentLog()).toContain('claw-agent has ended'), { timeout: 40_000 });
  expect(machine.agentLog()).toContain('phase registering: failed');
  expect(machine.agentLog()).toContain('registration_token_expired: The stub says no.');
  expect(phases().at(-1)).toBe('registering failed');
  expect(stub.phases.at(-1)?.message).toContain('registration_token_expired');
  expect(stub.requests.filter((line) => line.endsWith('/register'))).toHaveLength(1);
  expect(machine.agentPid()).toBeNull();
  expect(existsSync(join(machine.root, 'run/claw/agent.pid'))).toBe(false);
}, 90_000);

test('a first start that was killed goes on at the next boot', async () => {
  refusal = { status: 503, code: 'unavailable' };
  await machine.boot();
  await vi.waitFor(() => expect(phases()).toContain('registering started'), { timeout: 40_000 });
  await machine.stop('SIGKILL');
  refusal = null;
  await machine.boot({}, hook);
  await stub.tunnel(40_000);
  expect(stub.registered()?.instanceId).toBe(birth.config.instanceId);
  expect(machine.read('etc/claw/bootstrap.json')).not.toContain(token);
}, 90_000);

test('a registration whose answer was lost counts', async () => {
  await machine.boot();
  await stub.tunnel(40_000);
  const keys = stub.registered();
  await machine.stop('SIGKILL');
  // As if the power had gone before the answer came: neither noted nor wiped.
  const state = JSON.parse(machine.read('var/lib/claw/state.json')) as object;
  writeFileSync(
    join(machine.root, 'var/lib/claw/state.json'),
    JSON.stringify({ ...state, registered: false }),
  );
  machine.writeFiles(buildUserData(birth.config));
  const before = stub.tunnels();
  await machine.boot({}, hook);
  await vi.waitFor(() => expect(stub.tunnels()).toBeGreaterThan(before), { timeout: 40_000 });
  expect(stub.registered()).toEqual(keys);
  expect(machine.read('etc/claw/bootstrap.json')).not.toContain(token);
}, 90_000);

test('later boots register nothing, report nothing, and keep the keys', async () => {
  await machine.boot();
  await stub.tunnel(40_000);
  (await owner(true)).close();
  const pid = machine.agentPid() ?? 0;
  await machine.stop();
  expect(isRunning(pid)).toBe(false);
  const reports = stub.phases.length;
  const before = stub.tunnels();
  await machine.boot({}, hook);
  await vi.waitFor(() => expect(stub.tunnels()).toBeGreaterThan(before), { timeout: 40_000 });
  await (await owner(false)).wait(
    'the gateway',
    (frame) => frame.type === 'gateway.status' && frame.status === 'connected',
    30_000,
  );
  expect(stub.phases).toHaveLength(reports);
  expect(stub.requests.filter((line) => line.endsWith('/register'))).toHaveLength(1);
}, 90_000);
