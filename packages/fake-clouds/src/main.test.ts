import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readRecord } from './machines/process-sandbox/machine-record.ts';
import { machineProcesses } from './machines/process-sandbox/processes.ts';
import { serverBody } from './test-client.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const WAIT = { timeout: 15_000, interval: 50 };
const control = { authorization: 'Bearer control-token' };
let stateDir: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'sandbox-main-'));
});

afterEach(async () => {
  for (const child of started.splice(0)) await end(child, 'SIGTERM');
  await rm(stateDir, { recursive: true, force: true });
});

async function end(child: ChildProcess, signal: NodeJS.Signals) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

async function start() {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, SANDBOX_CONTROL_TOKEN: 'control-token', SANDBOX_STATE_DIR: stateDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  started.push(child);
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the sandbox ended with ${code} before it was ready`);
  });
  const lines = once(createInterface({ input: child.stdout }), 'line');
  const [line] = (await Promise.race([lines, failed])) as [string];
  failed.catch(() => undefined);
  return {
    child,
    ...(JSON.parse(line) as { ready: true; apiUrl: string; modelUrl: string; controlUrl: string }),
  };
}

type Running = Awaited<ReturnType<typeof start>>;

async function issueToken({ controlUrl }: Running): Promise<string> {
  const answer = await fetch(`${controlUrl}/tokens`, {
    method: 'POST',
    headers: control,
    body: '{"project":"p"}',
  });
  return ((await answer.json()) as { token: string }).token;
}

async function makeServer({ apiUrl }: Running, token: string): Promise<number> {
  const user_data = `#cloud-config
runcmd:
  - (setsid sleep 900 &)
  - touch $HOME/up
`;
  const answer = await fetch(`${apiUrl}/servers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(serverBody('a', { user_data })),
  });
  const { server } = (await answer.json()) as { server: { id: number } };
  await expect.poll(() => existsSync(join(stateDir, `servers/${server.id}/root/root/up`)), WAIT).toBe(true);
  return server.id;
}

async function processesOf(id: number) {
  const folder = join(stateDir, 'servers', String(id));
  const record = await readRecord(folder);
  return machineProcesses({ marker: record?.marker ?? '', root: join(folder, 'root') });
}

async function machineState({ controlUrl }: Running) {
  const answer = await fetch(`${controlUrl}/servers`, { headers: control });
  return (await answer.json()) as { alive: number; servers: { machine: string; status: string }[] };
}

test('SIGTERM stops every machine; the next start boots what should run, with the same tokens', {
  timeout: 40_000,
}, async () => {
  const first = await start();
  const token = await issueToken(first);
  const id = await makeServer(first, token);
  expect((await processesOf(id)).length).toBeGreaterThan(1);
  await end(first.child, 'SIGTERM');
  expect(first.child.exitCode).toBe(0);
  expect(await processesOf(id)).toEqual([]);

  const second = await start();
  expect(await machineState(second)).toMatchObject({
    alive: 1,
    servers: [{ machine: 'running', status: 'running' }],
  });
  const headers = { authorization: `Bearer ${token}` };
  expect((await fetch(`${second.apiUrl}/servers/${id}`, { headers })).status).toBe(200);
});

test('kill -9 of the sandbox: its machines end by themselves', { timeout: 60_000 }, async () => {
  const first = await start();
  const id = await makeServer(first, await issueToken(first));
  await end(first.child, 'SIGKILL');
  expect((await processesOf(id)).length).toBeGreaterThan(1);
  await expect.poll(() => processesOf(id), { ...WAIT, timeout: 30_000 }).toEqual([]);
});

test('kill -9 and a quick new start: the machine goes on', { timeout: 40_000 }, async () => {
  const first = await start();
  const id = await makeServer(first, await issueToken(first));
  const before = (await processesOf(id)).map(({ pid }) => pid);
  // To the machine any start is a quick one while its first process stands still.
  const init = (await readRecord(join(stateDir, 'servers', String(id))))?.init?.pid ?? 0;
  process.kill(init, 'SIGSTOP');
  await end(first.child, 'SIGKILL');
  const second = await start();
  process.kill(init, 'SIGCONT');
  expect(await machineState(second)).toMatchObject({ servers: [{ machine: 'running' }] });
  const after = (await processesOf(id)).map(({ pid }) => pid);
  const lasting = before.filter((pid) => after.includes(pid));
  expect(lasting.length).toBeGreaterThanOrEqual(2);
});

test('says which setting is missing', async () => {
  const child = spawn(process.execPath, [MAIN], { env: {}, stdio: ['ignore', 'ignore', 'pipe'] });
  const chunks: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(child, 'close')) as [number];
  expect(code).not.toBe(0);
  expect(Buffer.concat(chunks).toString()).toContain('SANDBOX_STATE_DIR is not set');
});
