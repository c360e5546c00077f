import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createFakeRoot, type FakeRoot } from '../../testing/fake-root.ts';
import { createServiceSupervisor } from './service-supervisor.ts';
import type { Supervisor } from './supervisor.ts';
import { createUnit } from './unit.ts';

let folder: string;
let port: number;
let answers: boolean;
let root: FakeRoot;
let supervisor: Supervisor;
let exits: string[];
let closeServer: () => void;
const status = { active: 'active', mainPid: 100, restarts: 0, memoryMb: 77, exitCode: 0 } as const;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'claw-unit-'));
  answers = false;
  exits = [];
  const server = createServer((_, response) => response.writeHead(answers ? 200 : 503).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
  closeServer = () => {
    server.closeAllConnections();
    server.close();
  };
  root = createFakeRoot({
    'gateway.start': () => ({}),
    'gateway.restart': () => ({}),
    'gateway.status': () => status,
    'gateway.log': () => ({ text: 'its last words' }),
  });
  supervisor = createServiceSupervisor({
    root,
    unit: createUnit('openclaw-gateway.service', folder),
    port,
    log: () => undefined,
    startPollMs: 5,
    readyPollMs: 5,
    askEveryMs: 20,
  });
  supervisor.events.on('exit', (why) => exits.push(why));
  processes('100', '101');
});
afterEach(async () => {
  await supervisor.stop();
  closeServer();
  rmSync(folder, { recursive: true, force: true });
});

/** The unit's processes, as its control group shows them; none at all removes it. */
function processes(...pids: string[]): void {
  const slice = join(folder, 'system.slice');
  const group = join(slice, 'openclaw-gateway.service');
  mkdirSync(slice, { recursive: true });
  writeFileSync(join(slice, 'cgroup.procs'), '');
  rmSync(group, { recursive: true, force: true });
  if (pids.length === 0) return;
  mkdirSync(group);
  writeFileSync(join(group, 'cgroup.procs'), `${pids.join('\n')}\n`);
}
const becomes = (state: string) =>
  vi.waitFor(() => expect(supervisor.state()).toBe(state), { timeout: 10_000 });
const verbs = () => root.asked.map(({ verb }) => verb);

test('asks root to start it, and is ready when the gateway says so', async () => {
  supervisor.start();
  expect(supervisor.state()).toBe('starting');
  setTimeout(() => {
    answers = true;
  }, 50);
  await supervisor.whenReady(10_000);
  expect(verbs()[0]).toBe('gateway.start');
  expect(supervisor.state()).toBe('ready');
});

test('a start that ends for good raises, with the gateway’s last words at hand', async () => {
  root.answers['gateway.status'] = () => ({ ...status, active: 'failed', exitCode: 78 });
  supervisor.start();
  await expect(supervisor.whenReady(10_000)).rejects.toThrow('ended while it started (code 78)');
  expect(supervisor.startLog()).toBe('its last words');
});

test('a start that fails once or twice is systemd’s to repeat; three times are a failure', async () => {
  let restarts = 4;
  root.answers['gateway.status'] = () => ({
    ...status,
    active: 'activating',
    restarts: restarts++,
    exitCode: 1,
  });
  supervisor.start();
  await expect(supervisor.whenReady(10_000)).rejects.toThrow('code 1');
  expect(restarts).toBe(8);
});

test('a chat channel that is down is no end, a process that is another one is', async () => {
  answers = true;
  supervisor.start();
  await becomes('ready');
  answers = false;
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect([supervisor.state(), exits]).toEqual(['ready', []]);
  processes('200');
  await becomes('starting');
  expect(exits).toEqual(['by itself']);
  answers = true;
  await becomes('ready');
  answers = false;
  processes();
  await becomes('down');
  expect(exits).toEqual(['by itself', 'by itself']);
});

test('an end that was over between two looks is one too', async () => {
  answers = true;
  supervisor.start();
  await becomes('ready');
  const states: string[] = [];
  supervisor.events.on('state', (state) => states.push(state));
  processes('400');
  await vi.waitFor(() => expect(states).toEqual(['starting', 'ready']), { timeout: 10_000 });
  expect(exits).toEqual(['by itself']);
});

test('a restart is asked of root, with little patience for one that hangs, and is no crash', async () => {
  answers = true;
  supervisor.start();
  await becomes('ready');
  root.answers['gateway.restart'] = () => {
    answers = false;
    processes('300');
    return {};
  };
  await supervisor.restart();
  expect(root.asked.at(-1)).toEqual({ verb: 'gateway.restart', params: { graceSeconds: 15 } });
  answers = true;
  await becomes('ready');
  expect(exits).toEqual([]);
});

test('a restart that is looked at before the old one ends is no crash either, and is told as a start', async () => {
  answers = true;
  supervisor.start();
  await becomes('ready');
  root.answers['gateway.restart'] = async () => {
    await becomes('ready');
    processes('300');
    return {};
  };
  await supervisor.restart();
  expect(supervisor.state()).toBe('starting');
  await becomes('ready');
  expect(exits).toEqual([]);
});

test('goes on watching when root doesn’t answer, and leaves the gateway alone when it ends', async () => {
  root.answers = {};
  supervisor.start();
  answers = true;
  await becomes('ready');
  await supervisor.stop();
  expect(verbs()).not.toContain('gateway.stop');
});

test('memory is the control group’s, or else what root can see', async () => {
  expect(await supervisor.memoryMb()).toBe(77);
  writeFileSync(join(folder, 'system.slice/openclaw-gateway.service/memory.current'), `${300 * 2 ** 20}\n`);
  expect(await supervisor.memoryMb()).toBe(300);
});
