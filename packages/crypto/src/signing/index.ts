import { lengthPrefixed, randomBytes, requireLength } from '../bytes.ts';
import { type Secret, type SecretBytes, secret, withBytes } from '../secret.ts';
import { sodium } from '../sodium.ts';

/** An instance's Ed25519 identity (RFC 8032): public key 32 bytes, private key libsodium's 64 (seed, public). */
export interface Identity {
  readonly publicKey: Uint8Array;
  readonly privateKey: Secret<Uint8Array>;
}

/** What the control plane asks an instance to sign before it takes its tunnel. */
export interface TunnelChallenge {
  readonly instanceId: string;
  /** Fresh random bytes of the verifier, 16 to 64, used once. */
  readonly nonce: Uint8Array;
  /** Who asks, e.g. the control plane's origin, so that a signature given to one cannot serve another. */
  readonly audience: string;
}

const TUNNEL_LABEL = 'claw.tunnel.v1';
const ATTEST_LABEL = 'claw.attest.v1';

/** A fresh Ed25519 identity. */
export function generateIdentity(): Identity {
  const seed = randomBytes(32);
  try {
    const pair = sodium().crypto_sign_seed_keypair(seed);
    return { publicKey: pair.publicKey, privateKey: secret(pair.privateKey) };
  } finally {
    seed.fill(0);
  }
}

/** The identity of a stored 64-byte private key (copied). Raises `input_invalid`. */
export function identityFromPrivateKey(privateKey: SecretBytes): Identity {
  return withBytes(privateKey, (bytes) => {
    requireLength(bytes, 64, 'privateKey');
    const { publicKey, privateKey: rebuilt } = sodium().crypto_sign_seed_keypair(bytes.slice(0, 32));
    return { publicKey, privateKey: secret(rebuilt) };
  });
}

/** Signs a challenge: 64 bytes of Ed25519. Raises `input_invalid` for a key or nonce of the wrong size. */
export function signTunnelChallenge(privateKey: SecretBytes, challenge: TunnelChallenge): Uint8Array {
  if (!isNonce(challenge.nonce)) requireLength(challenge.nonce, 32, 'nonce');
  return withBytes(privateKey, (bytes) => {
    requireLength(bytes, 64, 'privateKey');
    return sodium().crypto_sign_detached(challengeText(challenge), bytes);
  });
}

/** Whether `signature` is the identity's own over exactly this challenge. Never throws for bad input. */
export function verifyTunnelChallenge(
  publicKey: Uint8Array,
  challenge: TunnelChallenge,
  signature: Uint8Array,
): boolean {
  if (publicKey.length !== 32 || signature.length !== 64 || !isNonce(challenge.nonce)) return false;
  return sodium().crypto_sign_verify_detached(signature, challengeText(challenge), publicKey);
}

/**
 * Signs what an instance says of itself: 64 bytes of Ed25519 over the statement's very bytes. The label keeps it from
 * ever serving as another kind of signature. Raises `input_invalid` for a key of the wrong size.
 */
export function signAttestation(privateKey: SecretBytes, statement: string): Uint8Array {
  return withBytes(privateKey, (bytes) => {
    requireLength(bytes, 64, 'privateKey');
    return sodium().crypto_sign_detached(attestationText(statement), bytes);
  });
}

/** Whether `signature` is the identity's own over exactly this statement. Never throws for bad input. */
export function verifyAttestation(publicKey: Uint8Array, statement: string, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  return sodium().crypto_sign_verify_detached(signature, attestationText(statement), publicKey);
}

function attestationText(statement: string): Uint8Array {
  return lengthPrefixed(ATTEST_LABEL, statement);
}

function isNonce(nonce: Uint8Array): boolean {
  return nonce.length >= 16 && nonce.length <= 64;
}

function challengeText({ instanceId, nonce, audience }: TunnelChallenge): Uint8Array {
  return lengthPrefixed(TUNNEL_LABEL, instanceId, nonce, audience);
}
