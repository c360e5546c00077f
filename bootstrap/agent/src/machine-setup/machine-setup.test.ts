import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ready } from '@claw-cloud/crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeBirth } from '../../testing/machine.ts';
import { readBootstrapJson, readBornWith } from '../bootstrap/bootstrap-json.ts';
import { readEnvironment } from '../env.ts';
import { createPaths } from '../paths.ts';
import { gatewayMemoryMaxMb, heapMb, swapMb } from './facts.ts';
import { handOver } from './hand-over.ts';
import { hardenLoginDefs } from './settings.ts';
import { harden } from './setup.ts';

let root: string;
let ran: string[];
let fails: RegExp | null;
beforeEach(async () => {
  await ready();
  root = mkdtempSync(join(tmpdir(), 'claw-setup-'));
  ran = [];
  fails = null;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const hardenHere = (memoryMb = 2000) =>
  harden({
    env: readEnvironment({ CLAW_ROOT: root }),
    paths: createPaths(root, null, { service: true }),
    facts: { memoryMb, container: false },
    log: () => undefined,
    signal: AbortSignal.timeout(10_000),
    run: async (argv) => {
      ran.push(argv.join(' '));
      const failed = fails?.test(argv.join(' ')) ?? false;
      return { code: failed ? 1 : 0, stdout: '', stderr: failed ? 'it broke' : '' };
    },
  });

const picture = () =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => `${path} ${statSync(path).mode} ${readFileSync(path, 'utf8')}`);

test('places the same files again and again, and mends what somebody changed', async () => {
  mkdirSync(join(root, 'etc'), { recursive: true });
  writeFileSync(join(root, 'etc/login.defs'), '# a comment\nUMASK\t\t022\n');
  await hardenHere();
  const first = picture();
  expect(first.length).toBeGreaterThan(20);
  expect(first.filter((text) => text.includes('.part'))).toEqual([]);
  const token = readFileSync(join(root, 'etc/claw/gateway.token'), 'utf8');
  expect(token.trim()).toHaveLength(43);
  expect(statSync(join(root, 'etc/claw/gateway.token')).mode & 0o777).toBe(0o600);
  writeFileSync(join(root, 'etc/sysctl.d/60-claw.conf'), 'kernel.sysrq = 1\n');
  await hardenHere();
  expect(picture()).toEqual(first);
});

test('makes swap whole or not at all where memory is scarce', async () => {
  await hardenHere(1900);
  const swap = ran.filter((line) => /dd|mkswap|swapfile/.test(line));
  expect(swap).toEqual([
    'dd if=/dev/zero of=/swapfile.part bs=1M count=1024 status=none',
    'chmod 600 /swapfile.part',
    'mkswap /swapfile.part',
    'mv /swapfile.part /swapfile',
    'systemctl enable --quiet swapfile.swap',
    'systemctl start swapfile.swap',
  ]);
  fails = /^mkswap/;
  await expect(hardenHere(1900)).rejects.toThrow('mkswap /swapfile.part ended with 1: it broke');
});

test('goes on where a container refuses a setting, and stops where users can’t be made', async () => {
  fails = /^sysctl/;
  await hardenHere();
  fails = /^systemd-sysusers/;
  await expect(hardenHere()).rejects.toThrow('it broke');
});

test.each([
  [1000, 768, 650, 2048],
  [2000, 1000, 1650, 1024],
  [4000, 2000, 3400, 0],
  [16_000, 4096, 13_600, 0],
])('%i MB of memory: a heap of %i, a limit of %i, swap of %i', (memoryMb, heap, limit, swap) => {
  const facts = { memoryMb, container: false };
  expect([heapMb(facts), gatewayMemoryMaxMb(facts), swapMb(facts)]).toEqual([heap, limit, swap]);
  expect(swapMb({ memoryMb, container: true })).toBe(0);
});

test('sets what login.defs has, and adds what it lacks', () => {
  const hardened = hardenLoginDefs(
    '#\n#SHA_CRYPT_MIN_ROUNDS 5000\n# UMASK is a mask.\n#\nPASS_MAX_DAYS\t99999\nUID_MIN 1000\n',
  );
  expect(hardened).toContain(
    '#\nSHA_CRYPT_MIN_ROUNDS\t65536\n# UMASK is a mask.\n#\nPASS_MAX_DAYS\t365\nUID_MIN 1000\n',
  );
  expect(hardened).toContain('UMASK\t027\n');
  expect(hardenLoginDefs(hardened)).toBe(hardened);
});

test('hands the secrets over once, and goes on where it was cut off', () => {
  const paths = createPaths(root, null, { service: true });
  const { config } = makeBirth('https://cloud.example', 'a'.repeat(64));
  const me = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  mkdirSync(join(root, 'etc/claw'), { recursive: true });
  writeFileSync(paths.rootBootstrapJson, JSON.stringify(config, null, 1));
  handOver(paths, me);
  expect(readBootstrapJson(paths.bootstrapJson)).toEqual(config);
  expect(statSync(paths.bootstrapJson).mode & 0o777).toBe(0o600);
  expect(readBornWith(paths.rootBootstrapJson)).toMatchObject({
    registered: true,
    instanceId: config.instanceId,
  });
  // The agent has used its secrets meanwhile; nothing brings them back.
  rmSync(paths.bootstrapJson);
  handOver(paths, me);
  expect(() => readBootstrapJson(paths.bootstrapJson)).toThrow('missing');
});
