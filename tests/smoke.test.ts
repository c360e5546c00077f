import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { removeEmbedded } from '@claw-cloud/db/embedded';
import { defaultCacheDir } from '@claw-cloud/engine';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Program, processesOf, startProgram, step } from './support/program.ts';

const controlToken = 'control-token-of-the-smoke-test';

let home: string;
let running: Program | undefined;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'claw-smoke-'));
});
afterEach(async () => {
  if (running && running.child.exitCode === null && running.child.signalCode === null) {
    running.child.kill('SIGINT');
    await running.ended;
  }
  await removeEmbedded(join(home, 'control-plane', 'data'));
  rmSync(home, { recursive: true, force: true });
});

function smoke(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  running = startProgram('smoke', [...argv, '--json'], { CLAW_HOME: home, ...env });
  return running;
}

/** A pretend Hetzner Cloud of its own, whose servers are processes of this computer. */
let hetzner: { child: ChildProcess; apiUrl: string; controlUrl: string; dir: string };
beforeAll(async () => {
  const dir = mkdtempSync(join(tmpdir(), 'claw-smoke-cloud-'));
  const main = join(import.meta.dirname, '..', 'packages', 'fake-clouds', 'src', 'main.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main], {
    env: {
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
      HOME: dir,
      SANDBOX_CONTROL_TOKEN: controlToken,
      SANDBOX_STATE_DIR: dir,
      SANDBOX_STORE_DIR: join(defaultCacheDir(), 'instance-store'),
      SANDBOX_NODE_BIN_DIR: dirname(process.execPath),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const [first] = (await once(lines, 'line', { signal: AbortSignal.timeout(60_000) })) as [string];
  const { apiUrl, controlUrl } = JSON.parse(first) as { apiUrl: string; controlUrl: string };
  hetzner = { child, apiUrl, controlUrl, dir };
});
afterAll(async () => {
  if (!hetzner) return;
  hetzner.child.kill('SIGTERM');
  await once(hetzner.child, 'exit');
  rmSync(hetzner.dir, { recursive: true, force: true });
});

async function control(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${hetzner.controlUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${controlToken}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  expect(response.ok, `${method} ${path}: ${response.status}`).toBe(true);
  return (await response.json()) as Record<string, unknown>;
}

async function hetznerEnv(): Promise<Record<string, string>> {
  const { token } = await control('POST', '/tokens', { powers: 'read_write' });
  return { CLOUD_API_URLS: `hetzner=${hetzner.apiUrl}`, CLAW_SMOKE_TOKEN: String(token) };
}

const alive = async () => (await control('GET', '/servers')) as { alive: number; created: number };

test('one life in the sandbox: deploys, chats, destroys, shows the receipt, leaves nothing', {
  timeout: 480_000,
}, async () => {
  const run = smoke(['--cloud', 'sandbox']);
  expect({ code: await run.ended, errors: run.errors }).toEqual({ code: 0, errors: [] });
  const names = run.lines.filter(({ type }) => type === 'step').map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining(['credential', 'Pulumi up', 'paired', 'first reply', 'destroy']),
  );
  expect(run.lines.find(({ type }) => type === 'offer')).toMatchObject({ monthly: expect.any(Number) });
  const receipt = run.lines.find(({ type }) => type === 'receipt');
  expect(receipt).toMatchObject({ left: [], cost: { currency: 'EUR' } });
  expect(receipt?.made).not.toEqual([]);
  expect(processesOf(home)).toEqual([]);
  expect(existsSync(join(home, 'smoke.json'))).toBe(false);
});

describe('at Hetzner', () => {
  test('nothing is spent without a yes: no terminal, no --yes', { timeout: 120_000 }, async () => {
    const before = await alive();
    const run = smoke(['--cloud', 'hetzner'], await hetznerEnv());
    expect(await run.ended).toBe(1);
    expect(run.errors.join('\n')).toContain('--yes');
    expect(run.lines.find(({ type }) => type === 'offer')).toMatchObject({
      tag: expect.stringMatching(/^claw-ins_/),
    });
    expect(await alive()).toEqual(before);
  });

  test('Ctrl-C in the middle deletes what was made first, and a second one is warned of', {
    timeout: 240_000,
  }, async () => {
    const run = smoke(['--cloud', 'hetzner', '--yes'], await hetznerEnv());
    const { tag } = await run.line(({ type }) => type === 'offer');
    await run.line(step('Pulumi up'));
    expect((await alive()).alive).toBe(1);
    expect(existsSync(join(home, 'smoke.json'))).toBe(true);
    run.interrupt();
    await run.line(({ type, text }) => type === 'note' && String(text).includes('is deleted now'));
    run.interrupt();
    expect(await run.ended).toBe(130);
    expect(run.errors.join('\n')).toContain(
      `Still deleting what was made. Ended now, it would go on costing`,
    );
    expect(run.errors.join('\n')).toContain(String(tag));
    expect(run.lines.find(({ type }) => type === 'receipt')).toMatchObject({ left: [] });
    expect((await alive()).alive).toBe(0);
    expect(existsSync(join(home, 'smoke.json'))).toBe(false);
    expect(processesOf(home)).toEqual([]);
  });

  test('what an earlier run could not delete goes first', { timeout: 240_000 }, async () => {
    const env = await hetznerEnv();
    const project = await projectOf(env);
    const tag = 'claw-ins_leftover00000000000000';
    const made = await fetch(`${hetzner.apiUrl}/firewalls`, {
      method: 'POST',
      headers: { authorization: `Bearer ${env.CLAW_SMOKE_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'leftover', labels: { 'claw-cloud': tag } }),
    });
    expect(made.status).toBe(201);
    writeFileSync(
      join(home, 'smoke.json'),
      JSON.stringify({ cloud: 'hetzner', account: project, tag, at: '2026-01-01T00:00:00Z' }),
    );
    const run = smoke(['--cloud', 'hetzner'], env);
    await run.line(step('earlier test'));
    expect(await run.ended).toBe(1);
    const left = await fetch(`${hetzner.apiUrl}/firewalls?name=leftover`, {
      headers: { authorization: `Bearer ${env.CLAW_SMOKE_TOKEN}` },
    });
    expect(await left.json()).toMatchObject({ firewalls: [] });
  });

  /** The account as the smoke test names it. */
  async function projectOf(env: Record<string, string>): Promise<string> {
    const { openAccount } = await import('@claw-cloud/local');
    const secret = { provider: 'hetzner', token: env.CLAW_SMOKE_TOKEN ?? '' };
    return (await openAccount({ id: 'hetzner' }, secret, hetzner.apiUrl)).name();
  }
});

test('what is missing is said before anything is started', { timeout: 60_000 }, async () => {
  const run = smoke(['--cloud', 'hetzner'], { CLAW_SMOKE_TOKEN: 'a'.repeat(64) });
  expect(await run.ended).toBe(1);
  expect(run.errors.join('\n')).toContain('--machine-url');
  expect(existsSync(join(home, 'control-plane'))).toBe(false);
});
