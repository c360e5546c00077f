import { randomBytes, requireLength, utf8 } from '../bytes.ts';
import { CryptoError } from '../errors.ts';
import { generateKeyPair, type KeyPair, keyPairFromPrivateKey } from '../key-pair.ts';
import { type Secret, type SecretText, secret, withText } from '../secret.ts';
import { sodium } from '../sodium.ts';

/** Crockford's base 32: no I, L, O and U, so that a code read aloud or off paper has one reading. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE_BYTES = 20;
const CODE_CHARS = 32;
const CHECK_CHARS = 4;

/** A device's X25519 key pair: what the owner's browser keeps. */
export function generateDeviceKeyPair(): KeyPair {
  return generateKeyPair();
}

/** The single-use secret (32 bytes) that proves agent and browser to each other at the first connection. */
export function generatePairingSecret(): Secret<Uint8Array> {
  return secret(randomBytes(32));
}

/**
 * 160 random bits for paper: eight groups of four characters and a ninth that finds typing errors (20 bits
 * of checksum), e.g. `7Q2M-…-K9VD`.
 */
export function generateRecoveryCode(): Secret<string> {
  const bytes = randomBytes(CODE_BYTES);
  try {
    const code = toBase32(bytes) + checksum(bytes);
    return secret((code.match(/.{4}/g) ?? []).join('-'));
  } finally {
    bytes.fill(0);
  }
}

/**
 * The X25519 key pair of a recovery code: the same code gives the same keys, on any device. Case, spaces
 * and hyphens don't matter, and O reads as 0, I and L as 1. Raises `recovery_code_invalid`.
 */
export function recoveryKeyPair(code: SecretText): KeyPair {
  const bytes = withText(code, readCode);
  // 160 random bits cannot be searched, so no slow hash is needed.
  const seed = sodium().crypto_generichash(32, bytes, utf8('claw.recovery.x25519.v1'));
  try {
    return keyPairFromPrivateKey(seed);
  } finally {
    bytes.fill(0);
    seed.fill(0);
  }
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

function readCode(code: string): Uint8Array {
  const typed = code.slice(0, 256).toUpperCase().replace(/[\s-]/g, '');
  const plain = typed.replace(/O/g, '0').replace(/[IL]/g, '1');
  const stranger = [...plain].find((char) => !ALPHABET.includes(char));
  if (stranger !== undefined) throw invalid(`it has a character no code has`);
  if (plain.length !== CODE_CHARS + CHECK_CHARS) {
    throw invalid(`it has ${plain.length} characters instead of ${CODE_CHARS + CHECK_CHARS}`);
  }
  const bytes = fromBase32(plain.slice(0, CODE_CHARS));
  if (checksum(bytes) !== plain.slice(CODE_CHARS)) {
    bytes.fill(0);
    throw invalid('a character is wrong or two are swapped');
  }
  return bytes;
}

function checksum(bytes: Uint8Array): string {
  const digest = sodium().crypto_generichash(32, bytes, utf8('claw.recovery.check.v1'));
  return toBase32(digest.slice(0, 5)).slice(0, CHECK_CHARS);
}

/** Five bytes are eight characters; lengths here are multiples of five. */
function toBase32(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += 5) {
    let bits = bytes.slice(start, start + 5).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    let group = '';
    for (let char = 0; char < 8; char += 1, bits >>= 5n) group = ALPHABET[Number(bits & 31n)] + group;
    text += group;
  }
  return text;
}

function fromBase32(text: string): Uint8Array {
  const bytes = new Uint8Array((text.length * 5) / 8);
  for (let group = 0; group * 8 < text.length; group += 1) {
    const chars = [...text.slice(group * 8, group * 8 + 8)];
    let bits = chars.reduce((sum, char) => (sum << 5n) | BigInt(ALPHABET.indexOf(char)), 0n);
    for (let byte = 4; byte >= 0; byte -= 1, bits >>= 8n) bytes[group * 5 + byte] = Number(bits & 255n);
  }
  return bytes;
}

function invalid(why: string): CryptoError {
  return new CryptoError(
    'recovery_code_invalid',
    `This is not a recovery code: ${why}.`,
    'Compare it with the printed code, group by group: nine groups of four characters.',
  );
}
