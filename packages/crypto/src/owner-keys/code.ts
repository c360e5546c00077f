import { lengthPrefixed, randomBytes, utf8 } from '../bytes.ts';
import { CryptoError, type CryptoErrorCode } from '../errors.ts';
import { type Secret, type SecretText, secret, withText } from '../secret.ts';
import { sodium } from '../sodium.ts';

/** Crockford's base 32: no I, L, O and U, so that a code read aloud or off paper has one reading. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE_BYTES = 20;
const CODE_CHARS = 32;
const CHECK_CHARS = 4;

export interface CodeKind {
  /** Of the checksum: so that one kind of code is not taken for another. */
  readonly checkLabel: string;
  readonly error: CryptoErrorCode;
  readonly name: string;
  /** Where the person finds the right one. */
  readonly fix: string;
}

/**
 * 160 random bits for people: eight groups of four characters and a ninth that finds typing errors (20 bits
 * of checksum), e.g. `7Q2M-…-K9VD`.
 */
export function generateCode(kind: CodeKind): Secret<string> {
  const bytes = randomBytes(CODE_BYTES);
  try {
    const code = toBase32(bytes) + checksum(kind, bytes);
    return secret((code.match(/.{4}/g) ?? []).join('-'));
  } finally {
    bytes.fill(0);
  }
}

/**
 * Runs `fn` with the 160 bits of a typed code, and wipes them. Case, spaces and hyphens don't matter, and O
 * reads as 0, I and L as 1. Raises the kind's error.
 */
export function withCode<R>(kind: CodeKind, code: SecretText, fn: (bytes: Uint8Array) => R): R {
  const bytes = withText(code, (text) => readCode(kind, text));
  try {
    return fn(bytes);
  } finally {
    bytes.fill(0);
  }
}

/** 32 bytes of a code under a label; 160 bits can't be searched, so no slow hash is needed. */
export function derive(bytes: Uint8Array, label: string): Uint8Array {
  return sodium().crypto_generichash(32, bytes, utf8(label));
}

/** 32 bytes of a code or secret (as the key of BLAKE2b) for one purpose at one instance. */
export function deriveFor(bytes: Uint8Array, label: string, instanceId: string): Uint8Array {
  return sodium().crypto_generichash(32, lengthPrefixed(label, instanceId), bytes);
}

function readCode(kind: CodeKind, code: string): Uint8Array {
  const invalid = (why: string) => new CryptoError(kind.error, `This is not ${kind.name}: ${why}.`, kind.fix);
  const typed = code.slice(0, 256).toUpperCase().replace(/[\s-]/g, '');
  const plain = typed.replace(/O/g, '0').replace(/[IL]/g, '1');
  const stranger = [...plain].find((char) => !ALPHABET.includes(char));
  if (stranger !== undefined) throw invalid(`it has a character no code has`);
  if (plain.length !== CODE_CHARS + CHECK_CHARS) {
    throw invalid(`it has ${plain.length} characters instead of ${CODE_CHARS + CHECK_CHARS}`);
  }
  const bytes = fromBase32(plain.slice(0, CODE_CHARS));
  if (checksum(kind, bytes) !== plain.slice(CODE_CHARS)) {
    bytes.fill(0);
    throw invalid('a character is wrong or two are swapped');
  }
  return bytes;
}

function checksum(kind: CodeKind, bytes: Uint8Array): string {
  const digest = derive(bytes, kind.checkLabel);
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
