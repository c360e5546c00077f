import { randomBytes, utf8 } from '../bytes.ts';
import { toBase64Url, tryBase64Url } from '../encoding.ts';
import { type Secret, type SecretText, secret, withTextBytes } from '../secret.ts';
import { sodium } from '../sodium.ts';

const LABEL = 'claw.token.hash.v1';

/** A single-use token: 32 random bytes as 43 characters of base64url. */
export function generateToken(): Secret<string> {
  return secret(toBase64Url(randomBytes(32)));
}

/**
 * What is stored of a token: keyed BLAKE2b-256 (the key is a domain label) as base64url. A token carries
 * 256 random bits, so a fast hash is enough: there is nothing to guess.
 */
export function hashToken(token: SecretText): string {
  return withTextBytes(token, (bytes) => toBase64Url(digest(bytes)));
}

/** Whether `token` is the one that was stored as `hash`; takes the same time wherever they differ. */
export function tokenMatches(token: SecretText, hash: string): boolean {
  const expected = tryBase64Url(hash);
  if (expected?.length !== 32) return false;
  return withTextBytes(token, (bytes) => sodium().memcmp(digest(bytes), expected));
}

function digest(token: Uint8Array): Uint8Array {
  return sodium().crypto_generichash(32, token, utf8(LABEL));
}
