import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstanceReport } from '@claw-cloud/contracts';
import { ready } from '@claw-cloud/crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type FakeGateway, startFakeGateway } from '../../testing/fake-gateway.ts';
import { loadKeys } from '../keys.ts';
import type { GatewayState, Supervisor } from '../openclaw/supervisor.ts';
import { createPaths } from '../paths.ts';
import {
  createGatewayCheck,
  type GatewayCheck,
  type GatewayCheckOptions,
  memoryLimitMb,
} from './gateway-check.ts';

let folder: string;
let gateway: FakeGateway;
let state: GatewayState;
let memoryMb: number | null;
let supervisor: Supervisor;
let restarts: number;
let reports: InstanceReport[];
let notices: string[];
let stop: AbortController;
let running: Promise<void>;

beforeEach(async () => {
  await ready();
  folder = mkdtempSync(join(tmpdir(), 'claw-check-'));
  gateway = await startFakeGateway();
  state = 'ready';
  memoryMb = 500;
  restarts = 0;
  reports = [];
  notices = [];
  stop = new AbortController();
  running = Promise.resolve();
  supervisor = {
    state: () => state,
    start: () => undefined,
    async restart() {
      restarts += 1;
    },
    memoryMb: async () => memoryMb,
    whenReady: async () => undefined,
    startLog: () => '',
    events: new EventEmitter(),
    stop: async () => undefined,
  };
});
afterEach(async () => {
  stop.abort();
  await running;
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

function watch(options: Partial<GatewayCheckOptions> = {}): GatewayCheck {
  const check = createGatewayCheck({
    gateway: {
      port: gateway.port,
      token: gateway.token,
      device: loadKeys(createPaths(folder, null)).gatewayDevice,
      state: () => state,
      version: () => '2026.9.6',
    },
    supervisor,
    report: (report) => reports.push(report),
    notice: (reason) => notices.push(reason),
    log: () => undefined,
    signal: stop.signal,
    memoryLimitMb: 1000,
    everyMs: 10,
    limitMs: 5000,
    restartBaseMs: 40,
    random: () => 1,
    ...options,
  });
  running = check.run();
  return check;
}
const until = (work: () => void) => vi.waitFor(work, { timeout: 15_000, interval: 5 });
const asked = () => gateway.requests.map(({ method }) => method);

test('signs in and asks, every so often, and restarts nothing that answers', async () => {
  const check = watch();
  await until(() => expect(asked().length).toBeGreaterThan(4));
  expect(new Set(asked())).toEqual(new Set(['health']));
  expect(gateway.connects[0]?.scopes).toEqual(['operator.read']);
  expect(check.status()).toMatchObject({
    missesInARow: 0,
    restarts: 0,
    lastRestartReason: null,
    memoryMb: 500,
  });
  expect(check.status().lastOkSecondsAgo).toBe(0);
  expect(restarts).toBe(0);
});

test('three misses in a row restart a gateway that listens and says nothing, and are told', async () => {
  const check = watch({ limitMs: 150 });
  await until(() => expect(asked().length).toBeGreaterThan(0));
  gateway.answer = () => null;
  await until(() => expect(restarts).toBe(1));
  expect(reports).toEqual([{ kind: 'gateway_restarted', reason: 'unhealthy', missesInARow: 3 }]);
  expect(notices).toEqual(['unhealthy']);
  gateway.answer = ({ params }) => params;
  await until(() => expect(check.status().missesInARow).toBe(0));
  expect(check.status()).toMatchObject({ restarts: 1, lastRestartReason: 'unhealthy' });
});

test('one that is reached and refuses the agent misses too', async () => {
  gateway.token = 'another';
  // Its token is read at each sign-in: the agent still has the former one.
  const check = createGatewayCheck({
    gateway: {
      port: gateway.port,
      token: 'former',
      device: loadKeys(createPaths(folder, null)).gatewayDevice,
      state: () => state,
      version: () => null,
    },
    supervisor,
    report: (report) => reports.push(report),
    notice: () => undefined,
    log: () => undefined,
    signal: stop.signal,
    memoryLimitMb: 1000,
    everyMs: 10,
  });
  running = check.run();
  await until(() => expect(reports).toHaveLength(1));
});

test('two misses and an answer are no reason', async () => {
  let misses = 0;
  gateway.answer = ({ params }) => (++misses % 3 === 0 ? params : null);
  watch({ limitMs: 400 });
  await until(() => expect(misses).toBeGreaterThan(8));
  expect(restarts).toBe(0);
});

test('one that stays mute is restarted ever more seldom', async () => {
  gateway.answer = () => null;
  const clock = { now: 0 };
  watch({ clock: () => clock.now, limitMs: 20, restartBaseMs: 60_000 });
  await until(() => expect(restarts).toBe(1));
  const missed = asked().length;
  await until(() => expect(asked().length).toBeGreaterThan(missed + 6));
  expect(restarts).toBe(1);
  clock.now = 60_001;
  await until(() => expect(restarts).toBe(2));
  clock.now += 60_001;
  const again = asked().length;
  await until(() => expect(asked().length).toBeGreaterThan(again + 6));
  expect(restarts).toBe(2);
  clock.now += 60_001;
  await until(() => expect(restarts).toBe(3));
});

test('while it starts nothing is asked, until it takes longer than any start', async () => {
  state = 'starting';
  const clock = { now: 0 };
  watch({ clock: () => clock.now });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect([asked(), restarts]).toEqual([[], 0]);
  clock.now = 11 * 60_000;
  await until(() => expect(restarts).toBe(1));
  expect(reports).toEqual([{ kind: 'gateway_restarted', reason: 'unhealthy', missesInARow: 0 }]);
});

test('memory above the limit restarts it at a quiet moment', async () => {
  let safe = false;
  gateway.answer = ({ method, params }) => (method === 'gateway.restart.preflight' ? { safe } : params);
  memoryMb = 1100;
  watch();
  await until(() =>
    expect(asked().filter((method) => method.endsWith('preflight')).length).toBeGreaterThan(2),
  );
  expect(restarts).toBe(0);
  safe = true;
  await until(() => expect(restarts).toBe(1));
  expect(reports).toEqual([{ kind: 'gateway_restarted', reason: 'memory', missesInARow: 0 }]);
});

test('much more memory, or growth for too long, waits for no quiet moment', async () => {
  gateway.answer = ({ method, params }) =>
    method === 'gateway.restart.preflight' ? { safe: false } : params;
  const clock = { now: 0 };
  memoryMb = 1100;
  const check = watch({ clock: () => clock.now, restartBaseMs: 1 });
  await until(() => expect(asked()).toContain('gateway.restart.preflight'));
  clock.now = 11 * 60_000;
  await until(() => expect(restarts).toBe(1));
  memoryMb = 1300;
  clock.now += 60_000;
  await until(() => expect(restarts).toBe(2));
  memoryMb = 400;
  await until(() => expect(check.status().memoryMb).toBe(400));
  expect(reports.map((report) => report.kind === 'gateway_restarted' && report.reason)).toEqual([
    'memory',
    'memory',
  ]);
});

test('leaves a gateway alone that somebody else stops and starts', async () => {
  const check = watch({ limitMs: 150 });
  await until(() => expect(asked().length).toBeGreaterThan(0));
  const release = check.hold();
  gateway.answer = () => null;
  supervisor.events.emit('exit', 'code 0');
  const before = asked().length;
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(asked().length).toBeLessThanOrEqual(before + 1);
  expect([restarts, reports]).toEqual([0, []]);
  release();
  await until(() => expect(restarts).toBe(1));
});

test('a gateway that ends by itself is told as a crash, its first start is not', async () => {
  state = 'starting';
  watch();
  supervisor.events.emit('exit', 'code 1');
  state = 'ready';
  supervisor.events.emit('state', 'ready');
  await until(() => expect(asked().length).toBeGreaterThan(0));
  supervisor.events.emit('exit', 'signal SIGSEGV');
  expect(reports).toEqual([{ kind: 'gateway_restarted', reason: 'crashed', missesInARow: 0 }]);
  expect(restarts).toBe(0);
});

test('what others ask for is counted and told with its reason', async () => {
  const check = watch();
  await check.restart('owner');
  await check.restart('control_plane');
  expect(restarts).toBe(2);
  expect(notices).toEqual(['owner', 'control_plane']);
  expect(check.status()).toMatchObject({ restarts: 2, lastRestartReason: 'control_plane' });
});

test('the limit leaves a small machine room, and a large one is not filled', () => {
  expect([1024, 2048, 4096, 8192, 32_768].map(memoryLimitMb)).toEqual([1200, 1348, 2867, 5734, 22_938]);
});
