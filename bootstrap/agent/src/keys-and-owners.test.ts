import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBase64Url, generateKeyPair, ready, toBase64Url } from '@claw-cloud/crypto';
import { signTunnelChallenge, verifyTunnelChallenge } from '@claw-cloud/crypto/signing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadKeys } from './keys.ts';
import { enrolOwners, openOwners } from './owners.ts';
import { createPaths } from './paths.ts';

let root: string;
beforeEach(async () => {
  await ready();
  root = mkdtempSync(join(tmpdir(), 'claw-keys-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('keys are made once, kept for their owner only, and stay the same', () => {
  const paths = createPaths(root, null);
  const first = loadKeys(paths);
  const again = loadKeys(paths);
  expect(toBase64Url(again.identity.publicKey)).toBe(toBase64Url(first.identity.publicKey));
  expect(toBase64Url(again.channel.publicKey)).toBe(toBase64Url(first.channel.publicKey));
  expect(again.gatewayDevice.id).toBe(first.gatewayDevice.id);
  const lib = join(root, 'var/lib/claw');
  for (const name of readdirSync(lib))
    expect([name, statSync(join(lib, name)).mode & 0o777]).toEqual([name, 0o600]);
  const challenge = { instanceId: 'ins_x', nonce: new Uint8Array(32), audience: 'cloud.example' };
  const signature = signTunnelChallenge(again.identity.privateKey, challenge);
  expect(verifyTunnelChallenge(first.identity.publicKey, challenge, signature)).toBe(true);
  // Whatever prints them prints nothing.
  expect(JSON.stringify(first.identity)).toContain('[redacted]');
});

test('owners are known from birth, and a later enrolment changes nothing', () => {
  const path = join(root, 'owners.json');
  const [device, recovery, stranger] = [generateKeyPair(), generateKeyPair(), generateKeyPair()];
  const secret = toBase64Url(new Uint8Array(32).fill(7));
  const enrolment = {
    devicePublicKey: toBase64Url(device.publicKey),
    deviceName: 'laptop',
    recoveryPublicKey: toBase64Url(recovery.publicKey),
    pairingSecret: secret,
  };
  enrolOwners(path, enrolment);
  enrolOwners(path, { ...enrolment, devicePublicKey: toBase64Url(stranger.publicKey) });
  const owners = openOwners(path);
  expect([device, recovery, stranger].map(({ publicKey }) => owners.isEnrolled(publicKey))).toEqual([
    true,
    true,
    false,
  ]);
  expect(owners.pairing()?.secret).toEqual(fromBase64Url(secret));
});

test('the pairing secret is gone for good once erased, for pairings under way too', () => {
  const path = join(root, 'owners.json');
  const key = toBase64Url(generateKeyPair().publicKey);
  const secret = toBase64Url(new Uint8Array(32).fill(7));
  enrolOwners(path, { devicePublicKey: key, deviceName: 'x', recoveryPublicKey: key, pairingSecret: secret });
  const owners = openOwners(path);
  const underWay = owners.pairing();
  owners.erasePairing();
  expect([owners.pairing(), underWay?.isOpen()]).toEqual([null, false]);
  expect(openOwners(path).pairing()).toBeNull();
  expect(readFileSync(path, 'utf8')).not.toContain(secret);
});

test('a damaged owners file is an error, never an empty list', () => {
  const path = join(root, 'owners.json');
  writeFileSync(path, '{"v":1,"owners":"all"}');
  expect(() => openOwners(path)).toThrow();
  expect(() => openOwners(join(root, 'absent.json'))).toThrow();
});
