import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPaths, type Paths } from '../../paths.ts';
import { createRoot, type Root } from '../client.ts';
import { serveRoot } from '../daemon.ts';
import { verbs } from './index.ts';

const former = 'f'.repeat(64);
const bytes = Buffer.from('console.log("the new agent")');
const sha256 = createHash('sha256').update(bytes).digest('hex');
const data = bytes.toString('base64');
let folder: string;
let paths: Paths;
let root: Root;
let server: Server;
let commands: string[];
let stop: AbortController;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'claw-root-'));
  paths = createPaths(folder, null, { service: true });
  mkdirSync(paths.agents, { recursive: true });
  writeFileSync(join(paths.agents, `${former}.mjs`), '');
  symlinkSync(`${former}.mjs`, paths.agentCurrent);
  commands = [];
  stop = new AbortController();
  const path = join(folder, 'root.sock');
  server = await serveRoot({
    listen: { path },
    paths,
    log: () => undefined,
    signal: stop.signal,
    verbs,
    run: async (argv) => {
      commands.push(argv.join(' '));
      return { code: 0, stdout: '', stderr: '' };
    },
  });
  root = createRoot(path);
});
afterEach(() => {
  stop.abort();
  rmSync(folder, { recursive: true, force: true });
});

test('stages by the digest it counts itself, and switches to what is staged', async () => {
  await expect(root.ask('agent.switch', { sha256, limitSeconds: 60 })).rejects.toMatchObject({
    code: 'not_found',
  });
  await root.ask('agent.stage', { sha256, data });
  const file = join(paths.agents, `${sha256}.mjs`);
  expect(readFileSync(file)).toEqual(bytes);
  expect(statSync(file).mode & 0o777).toBe(0o644);
  await root.ask('agent.switch', { sha256, limitSeconds: 60 });
  expect(commands).toEqual([
    'systemctl restart --no-block claw-agent-guard.service',
    'systemctl restart --no-block claw-agent.service',
  ]);
  expect(await root.ask('agent.status', {})).toEqual({ current: sha256, pending: sha256, outcome: null });
});

test('refuses what has another digest, staged or altered afterwards', async () => {
  await expect(root.ask('agent.stage', { sha256: 'a'.repeat(64), data })).rejects.toMatchObject({
    code: 'digest_mismatch',
  });
  expect(existsSync(join(paths.agents, `${'a'.repeat(64)}.mjs`))).toBe(false);
  await root.ask('agent.stage', { sha256, data });
  writeFileSync(join(paths.agents, `${sha256}.mjs`), 'altered');
  await expect(root.ask('agent.switch', { sha256, limitSeconds: 60 })).rejects.toMatchObject({
    code: 'digest_mismatch',
  });
  expect(commands).toEqual([]);
});

test('one switch at a time, confirmed by the agent that was switched to', async () => {
  await root.ask('agent.stage', { sha256, data });
  await root.ask('agent.switch', { sha256, limitSeconds: 60 });
  await expect(root.ask('agent.switch', { sha256: former, limitSeconds: 60 })).rejects.toMatchObject({
    code: 'update_running',
  });
  expect(await root.ask('agent.confirm', { sha256: former })).toEqual({ confirmed: false });
  expect(await root.ask('agent.confirm', { sha256 })).toEqual({ confirmed: true });
  expect(await root.ask('agent.confirm', { sha256 })).toEqual({ confirmed: false });
  const outcome = { from: former, to: sha256, outcome: 'succeeded', reason: null };
  expect(await root.ask('agent.status', {})).toEqual({ current: sha256, pending: null, outcome });
  await root.ask('agent.forget', {});
  expect(await root.ask('agent.status', {})).toEqual({ current: sha256, pending: null, outcome: null });
});

test('takes no path for a digest, and nothing that is no base64', async () => {
  for (const params of [{ sha256: `../${sha256.slice(3)}`, data }, { sha256, data: '%%%' }, { sha256 }])
    await expect(root.ask('agent.stage', params as never)).rejects.toMatchObject({ code: 'invalid_request' });
});

test('a daemon that is idle or outdated closes, after what it was asked is done', async () => {
  const closed = async (options: { idleMs?: number; isOutdated?: () => boolean }) => {
    const path = join(folder, `${Object.keys(options)[0]}.sock`);
    const own = await serveRoot({
      listen: { path },
      paths,
      log: () => undefined,
      signal: stop.signal,
      verbs,
      ...options,
    });
    let over = false;
    own.once('close', () => {
      over = true;
    });
    return { ask: () => createRoot(path).ask('agent.status', {}), isOver: () => over };
  };
  const idle = await closed({ idleMs: 300 });
  await idle.ask();
  expect(idle.isOver()).toBe(false);
  await expect.poll(idle.isOver, { timeout: 10_000 }).toBe(true);
  let outdated = false;
  const replaced = await closed({ isOutdated: () => outdated });
  await replaced.ask();
  expect(replaced.isOver()).toBe(false);
  outdated = true;
  await replaced.ask();
  await expect.poll(replaced.isOver, { timeout: 10_000 }).toBe(true);
  expect(server.listening).toBe(true);
});
