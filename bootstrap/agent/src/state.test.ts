import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ready } from '@claw-cloud/crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeBirth } from '../testing/machine.ts';
import { wipeBootstrapJson } from './bootstrap/bootstrap-json.ts';
import { createPaths, type Paths } from './paths.ts';
import { readState, writeState } from './state.ts';

let root: string;
let paths: Paths;
let lines: string[];
const read = () => readState(paths, (line) => lines.push(line));

beforeEach(async () => {
  await ready();
  root = mkdtempSync(join(tmpdir(), 'claw-state-'));
  paths = createPaths(root, null);
  lines = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('a damaged state is kept aside, and made anew from what the machine was born with', () => {
  const { config } = makeBirth('https://cloud.example', 'a'.repeat(64));
  mkdirSync(dirname(paths.bootstrapJson), { recursive: true });
  writeFileSync(paths.bootstrapJson, JSON.stringify(config));
  expect(read()).toBeNull();
  const state = {
    v: 1,
    instanceId: config.instanceId,
    controlPlaneUrl: 'https://cloud.example',
    openclawVersion: '2026.9.6',
    registrationTried: true,
    registered: true,
  } as const;
  writeState(paths.stateJson, state);
  // Its registration was before, or it would still have its secrets.
  wipeBootstrapJson(paths.bootstrapJson);
  for (const damage of ['', '{"v":1,', '\0\0\0\0', '{"v":2}']) {
    writeFileSync(paths.stateJson, damage);
    expect(read()).toEqual(state);
    expect(readFileSync(`${paths.stateJson}.damaged`, 'utf8')).toBe(damage);
    expect(read()).toEqual(state);
  }
  expect(lines).toHaveLength(4);
});

test('before a registration the secrets are still there, and it goes on with them', () => {
  const { config } = makeBirth('https://cloud.example', 'a'.repeat(64));
  mkdirSync(dirname(paths.bootstrapJson), { recursive: true });
  writeFileSync(paths.bootstrapJson, JSON.stringify(config));
  mkdirSync(dirname(paths.stateJson), { recursive: true });
  writeFileSync(paths.stateJson, 'damaged');
  expect(read()).toMatchObject({ registered: false, instanceId: config.instanceId });
});
