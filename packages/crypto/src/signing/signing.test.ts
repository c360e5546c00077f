import { createPublicKey, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectCode, flip } from '../../test/expect-code.ts';
import { hex, type PythonPeer, startPythonPeer } from '../../test/python-peer.ts';
import { lengthPrefixed } from '../bytes.ts';
import { ready } from '../sodium.ts';
import {
  generateIdentity,
  identityFromPrivateKey,
  signAttestation,
  signTunnelChallenge,
  verifyAttestation,
  verifyTunnelChallenge,
} from './index.ts';

let python: PythonPeer;
beforeAll(async () => {
  await ready();
  python = startPythonPeer();
});
afterAll(() => python.stop());

const challenge = {
  instanceId: 'ins_1',
  nonce: new Uint8Array(32).fill(7),
  audience: 'https://claw.example',
};

describe('a tunnel challenge', () => {
  it('is signed by the identity and by no other', () => {
    const identity = generateIdentity();
    const signature = signTunnelChallenge(identity.privateKey, challenge);
    expect(verifyTunnelChallenge(identity.publicKey, challenge, signature)).toBe(true);
    expect(verifyTunnelChallenge(generateIdentity().publicKey, challenge, signature)).toBe(false);
    for (let index = 0; index < signature.length; index += 1) {
      expect(verifyTunnelChallenge(identity.publicKey, challenge, flip(signature, index))).toBe(false);
    }
  });

  it.each([
    ['instance', { ...challenge, instanceId: 'ins_2' }],
    ['nonce', { ...challenge, nonce: new Uint8Array(32).fill(8) }],
    ['audience', { ...challenge, audience: 'https://other.example' }],
    ['cut between fields', { ...challenge, instanceId: 'ins_', audience: '1https://claw.example' }],
  ])('does not hold for another %s', (_, other) => {
    const identity = generateIdentity();
    const signature = signTunnelChallenge(identity.privateKey, challenge);
    expect(verifyTunnelChallenge(identity.publicKey, other, signature)).toBe(false);
  });

  it('verifies in Node and in Python, from the text as documented', async () => {
    const identity = generateIdentity();
    const signature = signTunnelChallenge(identity.privateKey, challenge);
    const text = lengthPrefixed('claw.tunnel.v1', challenge.instanceId, challenge.nonce, challenge.audience);
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(identity.publicKey).toString('base64url') },
      format: 'jwk',
    });
    expect(verify(null, text, key, signature)).toBe(true);
    const { instanceId, audience } = challenge;
    const args = { instance_id: instanceId, audience, nonce: hex(challenge.nonce) };
    const theirs = python.call('tunnel_verify', {
      ...args,
      public_key: hex(identity.publicKey),
      signature: hex(signature),
    });
    expect(await theirs).toBe(hex(text));
  });

  it('survives keeping and reading the private key', () => {
    const identity = generateIdentity();
    const again = identityFromPrivateKey(identity.privateKey);
    expect(again.publicKey).toEqual(identity.publicKey);
    const signature = signTunnelChallenge(again.privateKey, challenge);
    expect(verifyTunnelChallenge(identity.publicKey, challenge, signature)).toBe(true);
  });

  it('is never signed or accepted with a short nonce, a key or signature of the wrong size', () => {
    const identity = generateIdentity();
    const short = { ...challenge, nonce: new Uint8Array(15) };
    expectCode('input_invalid', () => signTunnelChallenge(identity.privateKey, short));
    expectCode('input_invalid', () => signTunnelChallenge(new Uint8Array(32), challenge));
    expectCode('input_invalid', () => identityFromPrivateKey(new Uint8Array(32)));
    expect(verifyTunnelChallenge(identity.publicKey, short, new Uint8Array(64))).toBe(false);
    expect(verifyTunnelChallenge(identity.publicKey, challenge, new Uint8Array(63))).toBe(false);
    expect(verifyTunnelChallenge(new Uint8Array(31), challenge, new Uint8Array(64))).toBe(false);
  });
});

describe('an attestation', () => {
  const statement = '{"agent":"0.1.0","nonce":"x"}';

  it('is signed by the identity, over the very bytes, and by no other', () => {
    const identity = generateIdentity();
    const signature = signAttestation(identity.privateKey, statement);
    expect(verifyAttestation(identity.publicKey, statement, signature)).toBe(true);
    expect(verifyAttestation(identity.publicKey, `${statement} `, signature)).toBe(false);
    expect(verifyAttestation(generateIdentity().publicKey, statement, signature)).toBe(false);
    for (let index = 0; index < signature.length; index += 1)
      expect(verifyAttestation(identity.publicKey, statement, flip(signature, index))).toBe(false);
  });

  it('is no answer to a tunnel challenge, nor the other way round', () => {
    const identity = generateIdentity();
    const { instanceId, nonce, audience } = challenge;
    const text = String.fromCharCode(...lengthPrefixed(instanceId, nonce, audience));
    expect(
      verifyTunnelChallenge(identity.publicKey, challenge, signAttestation(identity.privateKey, text)),
    ).toBe(false);
    const answer = signTunnelChallenge(identity.privateKey, challenge);
    expect(verifyAttestation(identity.publicKey, text, answer)).toBe(false);
  });

  it('verifies in Node, from the text as documented', () => {
    const identity = generateIdentity();
    const signature = signAttestation(identity.privateKey, statement);
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(identity.publicKey).toString('base64url') },
      format: 'jwk',
    });
    expect(verify(null, lengthPrefixed('claw.attest.v1', statement), key, signature)).toBe(true);
  });

  it('is never accepted with a key or signature of the wrong size', () => {
    const identity = generateIdentity();
    expectCode('input_invalid', () => signAttestation(new Uint8Array(32), statement));
    expect(verifyAttestation(identity.publicKey, statement, new Uint8Array(63))).toBe(false);
    expect(verifyAttestation(new Uint8Array(31), statement, new Uint8Array(64))).toBe(false);
  });
});
