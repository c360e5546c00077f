/**
 * The stored form of an encrypted secret. Only its shape is here: whoever may open one imports
 * `@claw-cloud/crypto/kek`, which the public process may not.
 */

/** Which secret of whom: every part is bound into the encryption, so a moved row does not open. */
export interface EnvelopeContext {
  /** The owner's id. */
  readonly owner: string;
  /** The id of the record it belongs to, e.g. a credential's. */
  readonly record: string;
  /** The name of the field within the record. */
  readonly field: string;
}

/** A data key of its own encrypts the content; a versioned key-encryption key wraps the data key. */
export interface Envelope extends EnvelopeContext {
  readonly v: 1;
  /** Version of the key-encryption key that wraps the data key: a positive 32-bit integer. */
  readonly kek: number;
  /** base64url of nonce (24 bytes), encrypted data key (32) and tag (16). */
  readonly wrappedKey: string;
  /** base64url of nonce (24 bytes), encrypted content and tag (16). */
  readonly ciphertext: string;
}

/** The largest content: 256 KiB. */
export const MAX_ENVELOPE_PLAINTEXT_BYTES = 256 * 1024;

/** Wraps and unwraps data keys by version; the one thing that knows key-encryption keys. */
export interface KeyRing {
  /** The version new envelopes are wrapped with: the highest. */
  readonly current: number;
  readonly versions: readonly number[];
  /** Encrypts a 32-byte data key: nonce, ciphertext and tag. Raises `kek_unknown`. */
  wrap(version: number, dataKey: Uint8Array, additionalData: Uint8Array): Uint8Array;
  /** The data key, for the caller to wipe. Raises `kek_unknown` and `data_key_tampered`. */
  unwrap(version: number, wrappedKey: Uint8Array, additionalData: Uint8Array): Uint8Array;
  /** Zeroes every key; afterwards each version is unknown. */
  wipe(): void;
}
