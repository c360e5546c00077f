import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ready, toBase64Url } from '@claw-cloud/crypto';
import { signTunnelChallenge, verifyTunnelChallenge } from '@claw-cloud/crypto/signing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadKeys } from './keys.ts';
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

test('a damaged key is put back from its copy, and one that nobody knows is made anew', () => {
  const paths = createPaths(root, null);
  const first = loadKeys(paths);
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  writeFileSync(paths.identityKey, '\0\0\0');
  rmSync(paths.channelKey);
  writeFileSync(paths.gatewayDeviceKey, 'no key');
  const again = loadKeys(paths, log);
  expect(toBase64Url(again.identity.publicKey)).toBe(toBase64Url(first.identity.publicKey));
  expect(toBase64Url(again.channel.publicKey)).toBe(toBase64Url(first.channel.publicKey));
  expect(again.gatewayDevice.id).not.toBe(first.gatewayDevice.id);
  expect(lines).toHaveLength(3);
  expect(loadKeys(paths, log).gatewayDevice.id).toBe(again.gatewayDevice.id);
  expect(lines).toHaveLength(3);
  // Both halves of it gone: another identity would only be refused for ever.
  writeFileSync(paths.identityKey, '');
  writeFileSync(`${paths.identityKey}.copy`, '');
  expect(() => loadKeys(paths, log)).toThrow();
});
