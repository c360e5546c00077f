import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ready, toBase64Url } from '@claw-cloud/crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Keyring, openKeyring } from './keyring.ts';
import { loadKeys } from './keys.ts';
import { createPaths, type Paths } from './paths.ts';

const day = 24 * 60 * 60 * 1000;
let root: string;
let paths: Paths;
let now: number;
let lines: string[];

beforeEach(async () => {
  await ready();
  root = mkdtempSync(join(tmpdir(), 'claw-keyring-'));
  paths = createPaths(root, null);
  now = 0;
  lines = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** As the agent opens it at each start: with what lies in the files by then. */
const open = (): Keyring =>
  openKeyring({ paths, keys: loadKeys(paths), log: (line) => lines.push(line), clock: () => now });
const identities = (keyring: Keyring) => keyring.identities().map(({ publicKey }) => toBase64Url(publicKey));
const channelKeys = (keyring: Keyring) =>
  keyring.channelKeys().map(({ publicKey }) => toBase64Url(publicKey));

test('a new channel key serves at once, a new identity once the control plane knows of it', () => {
  const keyring = open();
  const [identity] = identities(keyring);
  const [channel] = channelKeys(keyring);
  let changes = 0;
  const unsubscribe = keyring.onChannelKey(() => ++changes);
  const made = keyring.rotate();
  expect(channelKeys(keyring)).toEqual([made.agentPublicKey, channel]);
  expect(identities(keyring)).toEqual([identity, made.identityPublicKey]);
  expect(changes).toBe(1);
  expect(() => keyring.rotate()).toThrow(expect.objectContaining({ code: 'conflict' }));
  keyring.settle(identity ?? '');
  expect(identities(keyring)).toHaveLength(2);
  keyring.settle(made.identityPublicKey);
  expect(identities(keyring)).toEqual([made.identityPublicKey]);
  unsubscribe();
  keyring.rotate();
  expect(changes).toBe(1);
});

test('all of it outlives a restart, before and after the control plane has heard', () => {
  const before = open();
  const made = before.rotate();
  const [identity] = identities(before);
  expect(channelKeys(open())).toEqual(channelKeys(before));
  expect(identities(open())).toEqual([identity, made.identityPublicKey]);
  open().settle(made.identityPublicKey);
  expect(identities(open())).toEqual([made.identityPublicKey]);
  expect(existsSync(paths.identityNext)).toBe(false);
  for (const file of [paths.identityKey, paths.channelKey, paths.formerChannelKeys])
    expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('a former channel key is answered to for thirty days of running, whatever the clock says', () => {
  const keyring = open();
  const [first] = channelKeys(keyring);
  const one = keyring.rotate();
  keyring.settle(one.identityPublicKey);
  now += 20 * day;
  keyring.count();
  // A restart begins with a monotonic clock of its own.
  now = 5;
  const later = open();
  const two = later.rotate();
  expect(channelKeys(later)).toEqual([two.agentPublicKey, one.agentPublicKey, first]);
  now += 11 * day;
  later.count();
  expect(channelKeys(later)).toEqual([two.agentPublicKey, one.agentPublicKey]);
  now += 20 * day;
  later.count();
  expect(channelKeys(open())).toEqual([two.agentPublicKey]);
});

test('damaged files of it are kept aside, and cost the former keys alone', () => {
  const keyring = open();
  const made = keyring.rotate();
  writeFileSync(paths.formerChannelKeys, '[{"privateKey":');
  writeFileSync(paths.identityNext, 'zzz');
  const again = open();
  expect(channelKeys(again)).toEqual([made.agentPublicKey]);
  expect(identities(again)).toHaveLength(1);
  expect(lines.filter((line) => line.includes('is damaged; kept as'))).toHaveLength(2);
});
