import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { askAgent, openTunnelPair, type TunnelPair } from '../testing/tunnel-pair.ts';
import { serveRestart } from './health/serve-restart.ts';
import { createNotices, type Notice } from './owner/notices.ts';
import { openReleases } from './releases.ts';
import { createRouter, serveHealth } from './route.ts';

const openclaw = {
  version: '2026.9.7',
  integrity: `sha512-${'A'.repeat(86)}==`,
  releasedAt: '2026-10-01T00:00:00.000Z',
  changelog: 'Better.',
};
let folder: string;
let pair: TunnelPair;
let restarts: number;
let answered: number;
let heard: Notice[];
let now: number;
let lines: string[];
const file = () => join(folder, 'releases.json');
const notices = createNotices();
notices.onNotice((notice) => heard.push(notice));
const releases = () => openReleases(file(), notices, (line) => lines.push(line));
const health = { agentVersion: '1', openclawVersion: null, gateway: 'down', uptimeSeconds: 1 } as const;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'claw-route-'));
  [restarts, answered, heard, now, lines] = [0, 0, [], 0, []];
  const restart = async () => {
    restarts += 1;
  };
  const router = createRouter({
    'GET /health': serveHealth(
      () => health,
      () => {
        answered += 1;
      },
    ),
    'POST /owner': () => Promise.reject(new Error('fails')),
    'POST /reports': () => undefined,
    'POST /gateway/restart': serveRestart(
      restart,
      () => undefined,
      () => now,
    ),
    'POST /release-offer': releases().serve,
  });
  pair = openTunnelPair(router);
});
afterEach(() => {
  pair.close();
  rmSync(folder, { recursive: true, force: true });
});
const ask = (method: 'GET' | 'POST', path: string, body?: unknown) =>
  askAgent(pair.session, method, path, body);

test('serves what the control plane may ask for, and nothing else', async () => {
  expect(await ask('GET', '/health')).toEqual({ status: 200, body: health });
  await expect.poll(() => answered, { timeout: 15_000 }).toBe(1);
  for (const [method, path] of [
    ['POST', '/health'],
    ['GET', '/owner'],
    ['POST', '/support'],
    ['POST', '/agent/update'],
    ['GET', '/constructor'],
    ['POST', '/release-offer/'],
  ] as const)
    expect((await ask(method, path)).status, path).toBe(404);
});

test('a handler that fails ends its stream alone', async () => {
  expect((await ask('POST', '/owner', {})).status).toBe(0);
  expect((await ask('GET', '/health')).status).toBe(200);
});

test('the control plane may restart the gateway, but not keep it down', async () => {
  expect((await ask('POST', '/gateway/restart')).status).toBe(202);
  expect((await ask('POST', '/gateway/restart')).status).toBe(429);
  now = 60_001;
  expect((await ask('POST', '/gateway/restart')).status).toBe(202);
  expect(restarts).toBe(2);
});

test('keeps an offer, and tells the owner of a new version once', async () => {
  expect((await ask('POST', '/release-offer', { openclaw, agent: null })).status).toBe(200);
  expect((await ask('POST', '/release-offer', { openclaw, agent: null })).status).toBe(200);
  expect(heard).toEqual([{ kind: 'update_offered', version: '2026.9.7' }]);
  expect(releases().offered()).toEqual({ openclaw, agent: null });
});

test('takes no offer that isn’t one, and keeps the former', async () => {
  await ask('POST', '/release-offer', { openclaw, agent: null });
  const before = readFileSync(file(), 'utf8');
  for (const bad of [
    {},
    { openclaw: { ...openclaw, integrity: 'sha1-x' }, agent: null },
    'x'.repeat(100_000),
  ])
    expect((await ask('POST', '/release-offer', bad)).status).toBe(400);
  expect(readFileSync(file(), 'utf8')).toBe(before);
  writeFileSync(file(), 'damaged');
  expect(releases().offered()).toEqual({ openclaw: null, agent: null });
  expect(lines.join()).toContain('is damaged');
});
