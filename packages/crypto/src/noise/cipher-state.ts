import { EMPTY } from '../bytes.ts';
import { CryptoError } from '../errors.ts';
import { sodium } from '../sodium.ts';

/** No Noise message, of handshake or transport, is larger (Noise section 3). */
export const MAX_NOISE_MESSAGE_BYTES = 65_535;
export const NOISE_TAG_BYTES = 16;
/** The nonce 2^64-1 is reserved for rekeying (section 5.1). */
const MAX_NONCE = 2n ** 64n - 1n;

/** One direction's key and counter (Noise specification revision 34, section 5.1). */
export interface CipherState {
  hasKey(): boolean;
  /** The number of the next message. */
  nonce(): bigint;
  /** SetNonce: for vectors and for tests of the counter's end. */
  setNonce(nonce: bigint): void;
  /** EncryptWithAd. Raises `noise_message_too_large`, `noise_nonce_exhausted`. Without a key: the plaintext. */
  encryptWithAd(additionalData: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /**
   * DecryptWithAd. Raises `noise_message_tampered` (the counter then stays), `noise_message_too_large`,
   * `noise_nonce_exhausted`. Without a key: the ciphertext.
   */
  decryptWithAd(additionalData: Uint8Array, ciphertext: Uint8Array): Uint8Array;
  /** REKEY of section 4.2: a one-way step, so that a later key does not open earlier messages. */
  rekey(): void;
  wipe(): void;
}

/** InitializeKey: takes over `key` (32 bytes), or none for a handshake's first moments. */
export function createCipherState(key?: Uint8Array): CipherState {
  let k = key;
  let n = 0n;

  const takeNonce = (): Uint8Array => {
    if (n === MAX_NONCE) {
      throw new CryptoError(
        'noise_nonce_exhausted',
        'This encrypted connection has carried as many messages as its key allows.',
        'Connect again.',
      );
    }
    return nonceBytes(n);
  };

  return {
    hasKey: () => k !== undefined,
    nonce: () => n,
    setNonce(nonce) {
      n = nonce;
    },
    encryptWithAd(additionalData, plaintext) {
      requireSize(plaintext.length + (k ? NOISE_TAG_BYTES : 0));
      if (!k) return plaintext;
      const ciphertext = seal(k, takeNonce(), additionalData, plaintext);
      n += 1n;
      return ciphertext;
    },
    decryptWithAd(additionalData, ciphertext) {
      requireSize(ciphertext.length);
      if (!k) return ciphertext;
      const nonce = takeNonce();
      let plaintext: Uint8Array;
      try {
        plaintext = sodium().crypto_aead_chacha20poly1305_ietf_decrypt(
          null,
          ciphertext,
          additionalData,
          nonce,
          k,
        );
      } catch {
        throw new CryptoError(
          'noise_message_tampered',
          'An encrypted message could not be authenticated.',
          'Connect again. If it happens again, something on the way alters the connection.',
        );
      }
      n += 1n;
      return plaintext;
    },
    rekey() {
      if (!k) return;
      const next = seal(k, nonceBytes(MAX_NONCE), EMPTY, new Uint8Array(32)).slice(0, 32);
      k.fill(0);
      k = next;
    },
    wipe() {
      k?.fill(0);
      // A wiped state keeps a key of zeros nobody may use: the counter is at its end for good.
      n = MAX_NONCE;
    },
  };
}

function seal(key: Uint8Array, nonce: Uint8Array, ad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  return sodium().crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, ad, null, nonce, key);
}

/** ChaChaPoly's nonce: 32 zero bits, then the counter, little-endian (section 12.3). */
function nonceBytes(n: bigint): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, n, true);
  return nonce;
}

export function requireSize(length: number): void {
  if (length > MAX_NOISE_MESSAGE_BYTES) {
    throw new CryptoError(
      'noise_message_too_large',
      `A Noise message holds at most ${MAX_NOISE_MESSAGE_BYTES} bytes.`,
      'Cut the content into pieces.',
    );
  }
}
