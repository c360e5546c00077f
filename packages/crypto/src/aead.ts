import { concat, randomBytes } from './bytes.ts';
import { sodium } from './sodium.ts';

export const NONCE_BYTES = 24;
export const TAG_BYTES = 16;

/** XChaCha20-Poly1305 under a fresh random nonce, which stands before the ciphertext. */
export function encrypt(key: Uint8Array, plaintext: Uint8Array, additionalData: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  return concat(
    nonce,
    sodium().crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, additionalData, null, nonce, key),
  );
}

/** The plaintext; undefined where key, nonce, ciphertext or additional data are not those of the encryption. */
export function decrypt(
  key: Uint8Array,
  sealed: Uint8Array,
  additionalData: Uint8Array,
): Uint8Array | undefined {
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const ciphertext = sealed.subarray(NONCE_BYTES);
  try {
    return sodium().crypto_aead_xchacha20poly1305_ietf_decrypt(null, ciphertext, additionalData, nonce, key);
  } catch {
    return undefined;
  }
}
