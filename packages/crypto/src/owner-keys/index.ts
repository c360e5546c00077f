import { decrypt, encrypt } from '../aead.ts';
import { fromUtf8, randomBytes, requireLength, utf8 } from '../bytes.ts';
import { toBase64Url, tryBase64Url } from '../encoding.ts';
import { generateKeyPair, type KeyPair, keyPairFromPrivateKey } from '../key-pair.ts';
import { type Secret, type SecretBytes, type SecretText, secret, withBytes } from '../secret.ts';
import { sodium } from '../sodium.ts';
import { type CodeKind, derive, deriveFor, generateCode, withCode } from './code.ts';

const recoveryCode: CodeKind = {
  checkLabel: 'claw.recovery.check.v1',
  error: 'recovery_code_invalid',
  name: 'a recovery code',
  fix: 'Compare it with the printed code, group by group: nine groups of four characters.',
};
const inviteCode: CodeKind = {
  checkLabel: 'claw.invite.check.v1',
  error: 'invite_code_invalid',
  name: 'a code of another device',
  fix: 'Compare it with the code the other device shows, group by group: nine groups of four characters.',
};

/** A device's X25519 key pair: what the owner's browser keeps. */
export function generateDeviceKeyPair(): KeyPair {
  return generateKeyPair();
}

/** The single-use secret (32 bytes) that proves agent and browser to each other at the first connection. */
export function generatePairingSecret(): Secret<Uint8Array> {
  return secret(randomBytes(32));
}

/** A code for paper, from which the owner's keys come back on a computer that has nothing. */
export function generateRecoveryCode(): Secret<string> {
  return generateCode(recoveryCode);
}

/**
 * The X25519 key pair of a recovery code: the same code gives the same keys, on any device. Case, spaces
 * and hyphens don't matter, and O reads as 0, I and L as 1. Raises `recovery_code_invalid`.
 */
export function recoveryKeyPair(code: SecretText): KeyPair {
  return withCode(recoveryCode, code, (bytes) => {
    const seed = derive(bytes, 'claw.recovery.x25519.v1');
    try {
      return keyPairFromPrivateKey(seed);
    } finally {
      seed.fill(0);
    }
  });
}

/**
 * What proves each server to whoever recovers: from it comes a secret per server ({@link recoverySecretOf}).
 * It opens nothing without the code's key pair. Raises `recovery_code_invalid`.
 */
export function recoverySecret(code: SecretText): Secret<Uint8Array> {
  return withCode(recoveryCode, code, (bytes) => secret(derive(bytes, 'claw.recovery.secret.v1')));
}

/** The secret (32 bytes) one server is given at its birth: what it knows is worth nothing at another. */
export function recoverySecretOf(recoverySecret: SecretBytes, instanceId: string): Secret<Uint8Array> {
  return withBytes(recoverySecret, (bytes) => {
    requireLength(bytes, 32, 'recoverySecret');
    return secret(deriveFor(bytes, 'claw.recovery.instance.v1', instanceId));
  });
}

/** A code one device shows and another enters, to let it in. */
export function generateInviteCode(): Secret<string> {
  return generateCode(inviteCode);
}

/**
 * What an invite's code is to one server: the name it goes by (base64url) and the secret (32 bytes), neither
 * of which tells the code or what it is to another server. Raises `invite_code_invalid`.
 */
export function inviteOf(
  code: SecretText,
  instanceId: string,
): { readonly inviteId: string; readonly secret: Secret<Uint8Array> } {
  return withCode(inviteCode, code, (bytes) => ({
    inviteId: toBase64Url(deriveFor(bytes, 'claw.invite.id.v1', instanceId).slice(0, 12)),
    secret: secret(deriveFor(bytes, 'claw.invite.secret.v1', instanceId)),
  }));
}

const PARCEL_LABEL = 'claw.invite.parcel.v1';

/**
 * Seals what the inviting device wants the invited one to have (base64url): whoever carries it, a server
 * included, can't read it without the code. Raises `invite_code_invalid`.
 */
export function sealParcel(code: SecretText, text: string): string {
  return withCode(inviteCode, code, (bytes) => {
    const key = derive(bytes, PARCEL_LABEL);
    try {
      return toBase64Url(encrypt(key, utf8(text), utf8(PARCEL_LABEL)));
    } finally {
      key.fill(0);
    }
  });
}

/** The text of {@link sealParcel}; undefined where another code sealed it or it was altered. */
export function openParcel(code: SecretText, parcel: string): string | undefined {
  const sealed = tryBase64Url(parcel);
  if (!sealed) return undefined;
  return withCode(inviteCode, code, (bytes) => {
    const key = derive(bytes, PARCEL_LABEL);
    try {
      const text = decrypt(key, sealed, utf8(PARCEL_LABEL));
      return text && fromUtf8(text);
    } finally {
      key.fill(0);
    }
  });
}

/**
 * A public key for two people to compare: six groups of five digits (about 99 bits), of a labelled
 * BLAKE2b-512 digest, each group five bytes modulo 100,000.
 */
export function fingerprint(publicKey: Uint8Array): string {
  requireLength(publicKey, 32, 'publicKey');
  const digest = sodium().crypto_generichash(64, publicKey, utf8('claw.fingerprint.v1'));
  return Array.from({ length: 6 }, (_, group) => {
    const value = digest.slice(group * 5, group * 5 + 5).reduce((sum, byte) => sum * 256 + byte, 0);
    return String(value % 100_000).padStart(5, '0');
  }).join(' ');
}
