import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hex, type PythonPeer, startPythonPeer } from '../../test/python-peer.ts';
import { fromBase64Url } from '../encoding.ts';
import { ready } from '../sodium.ts';
import { generateToken, hashToken, tokenMatches } from './index.ts';

let python: PythonPeer;
beforeAll(async () => {
  await ready();
  python = startPythonPeer();
});
afterAll(() => python.stop());

describe('a token', () => {
  it('is 32 random bytes of which only a hash is kept', () => {
    const token = generateToken();
    const text = token.use((value) => value);
    expect(fromBase64Url(text)).toHaveLength(32);
    const stored = hashToken(token);
    expect(fromBase64Url(stored)).toHaveLength(32);
    expect(stored).toBe(hashToken(text));
    expect(tokenMatches(token, stored)).toBe(true);
    expect(tokenMatches(generateToken(), stored)).toBe(false);
    expect(`${token}`).toBe('[redacted]');
  });

  it('has a hash of its own domain, the same in Python', async () => {
    const theirs = await python.call('blake2b', {
      label: 'claw.token.hash.v1',
      data: hex(Buffer.from('t')),
      size: 32,
    });
    expect(hex(fromBase64Url(hashToken('t')))).toBe(theirs);
    expect(theirs).not.toBe(createHash('blake2b512').update('t').digest('hex').slice(0, 64));
  });

  it.each(['', 'not base64!', 'AAAA', 'A'.repeat(43), 'A'.repeat(100_000)])(
    'does not match the hash %#',
    (hash) => {
      expect(tokenMatches('t', hash)).toBe(false);
    },
  );
});
