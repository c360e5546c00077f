import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPaths, type Paths } from '../../paths.ts';
import { type Agents, openAgents } from './agents.ts';
import { guardSwitch } from './guard.ts';
import { guardUnitText } from './unit.ts';

const [old, fresh, older] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string];
let root: string;
let paths: Paths;
let agents: Agents;
let commands: string[];
let now: number;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'claw-guard-'));
  paths = createPaths(root, null, { service: true });
  mkdirSync(paths.agents, { recursive: true });
  for (const sha256 of [old, fresh, older]) writeFileSync(join(paths.agents, `${sha256}.mjs`), sha256);
  symlinkSync(`${old}.mjs`, paths.agentCurrent);
  agents = openAgents(paths, () => undefined);
  commands = [];
  now = 0;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A clock that takes a second for each look at it. */
const guard = (signal = new AbortController().signal) =>
  guardSwitch({
    agents,
    log: () => undefined,
    must: async (argv) => commands.push(argv.join(' ')),
    signal,
    clock: () => (now += 1000),
    pollMs: 1,
  });
const switchTo = (to: string) => agents.begin({ from: old, to, limitSeconds: 10 });
const files = () => readdirSync(paths.agents).filter((name) => name.length > 20);

test('does nothing where nothing is pending', async () => {
  await guard();
  expect(commands).toEqual([]);
});

test('a new agent that confirms itself stays, and the last one is kept', async () => {
  switchTo(fresh);
  expect(agents.current()).toBe(fresh);
  expect(readlinkSync(join(paths.agents, 'guard.mjs'))).toBe(`${old}.mjs`);
  const guarding = guard();
  agents.settle({ from: old, to: fresh, outcome: 'succeeded', reason: null });
  await guarding;
  expect([agents.current(), agents.pending(), commands]).toEqual([fresh, null, []]);
  expect(agents.outcome()).toEqual({ from: old, to: fresh, outcome: 'succeeded', reason: null });
  expect(files()).toEqual([`${old}.mjs`, `${fresh}.mjs`]);
});

test('one that doesn’t is taken back after its limit, and the former started', async () => {
  switchTo(fresh);
  await guard();
  expect(now).toBeGreaterThan(10_000);
  expect(agents.current()).toBe(old);
  expect(commands).toEqual([
    'systemctl reset-failed claw-agent.service',
    'systemctl reset-failed claw-root.service',
    'systemctl reset-failed claw-root.socket',
    'systemctl reset-failed openclaw-gateway.service',
    'systemctl start --no-block claw-root.socket',
    'systemctl kill --kill-whom=control --signal=KILL openclaw-gateway.service',
    'systemctl restart --no-block claw-agent.service',
  ]);
  expect(agents.outcome()).toMatchObject({ outcome: 'rolled_back', reason: expect.stringContaining('10 s') });
  expect(existsSync(agents.fileOf(fresh))).toBe(false);
  expect(agents.pending()).toBeNull();
});

test('a power cut between the note and the link leaves the former, and says so', async () => {
  switchTo(fresh);
  rmSync(paths.agentCurrent);
  symlinkSync(`${old}.mjs`, paths.agentCurrent);
  await guard();
  expect(agents.outcome()).toMatchObject({
    outcome: 'rolled_back',
    reason: expect.stringContaining('power'),
  });
  expect(agents.current()).toBe(old);
});

test('told to end in between it changes nothing, and the next one goes on', async () => {
  switchTo(fresh);
  const stop = new AbortController();
  stop.abort();
  await expect(guard(stop.signal)).rejects.toThrow();
  expect(agents.current()).toBe(fresh);
  await guard();
  expect(agents.current()).toBe(old);
});

test('its unit runs the former agent, only while something is pending', () => {
  const text = guardUnitText(createPaths('', null, { service: true }), '/opt/claw/node/current/bin/node');
  expect(text).toContain('ConditionPathExists=/var/lib/claw-root/agent-pending.json');
  expect(text).toContain('ExecStart=/opt/claw/node/current/bin/node /opt/claw/agent/guard.mjs agent-guard');
});
