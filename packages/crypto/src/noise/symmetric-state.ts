import { concat, EMPTY, utf8 } from '../bytes.ts';
import { sodium } from '../sodium.ts';
import { type CipherState, createCipherState } from './cipher-state.ts';

/** BLAKE2b: HASHLEN and BLOCKLEN (section 12.8). */
const HASH_BYTES = 64;
const BLOCK_BYTES = 128;

/** The chaining key, the transcript hash and the current cipher (section 5.2). */
export interface SymmetricState {
  hasKey(): boolean;
  mixKey(input: Uint8Array): void;
  mixHash(data: Uint8Array): void;
  mixKeyAndHash(input: Uint8Array): void;
  encryptAndHash(plaintext: Uint8Array): Uint8Array;
  decryptAndHash(ciphertext: Uint8Array): Uint8Array;
  /** The two transport ciphers: first the initiator's to the responder, then the other way. */
  split(): readonly [CipherState, CipherState];
  handshakeHash(): Uint8Array;
  wipe(): void;
}

/** InitializeSymmetric for a protocol name. */
export function createSymmetricState(protocolName: string): SymmetricState {
  const name = utf8(protocolName);
  // A name no longer than a hash is padded with zeros, a longer one is hashed.
  let h: Uint8Array =
    name.length <= HASH_BYTES ? concat(name, new Uint8Array(HASH_BYTES - name.length)) : hash(name);
  let ck: Uint8Array = h.slice();
  let cipher = createCipherState();

  const useKey = (tempKey: Uint8Array): void => {
    cipher.wipe();
    // HKDF gives 64 bytes with this hash, ChaChaPoly takes the first 32 (section 5.2, MixKey).
    cipher = createCipherState(tempKey.slice(0, 32));
    tempKey.fill(0);
  };
  const chain = (next: Uint8Array): void => {
    ck.fill(0);
    ck = next;
  };
  const mixHash = (data: Uint8Array): void => {
    h = hash(h, data);
  };

  return {
    hasKey: () => cipher.hasKey(),
    mixHash,
    mixKey(input) {
      const [nextChain, tempKey] = hkdf(ck, input);
      chain(nextChain);
      useKey(tempKey);
    },
    mixKeyAndHash(input) {
      const [nextChain, tempHash, tempKey] = hkdf(ck, input);
      chain(nextChain);
      mixHash(tempHash);
      useKey(tempKey);
    },
    encryptAndHash(plaintext) {
      const ciphertext = cipher.encryptWithAd(h, plaintext);
      mixHash(ciphertext);
      return ciphertext;
    },
    decryptAndHash(ciphertext) {
      const plaintext = cipher.decryptWithAd(h, ciphertext);
      mixHash(ciphertext);
      return plaintext;
    },
    split() {
      const [first, second] = hkdf(ck, EMPTY);
      return [createCipherState(first.slice(0, 32)), createCipherState(second.slice(0, 32))];
    },
    handshakeHash: () => h.slice(),
    wipe() {
      ck.fill(0);
      cipher.wipe();
    },
  };
}

function hash(...parts: readonly Uint8Array[]): Uint8Array {
  return sodium().crypto_generichash(HASH_BYTES, concat(...parts), null);
}

/** HMAC (RFC 2104) over BLAKE2b; the keys here are never longer than a block. */
function hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  block.set(key);
  const inner = hash(
    block.map((byte) => byte ^ 0x36),
    data,
  );
  const mac = hash(
    block.map((byte) => byte ^ 0x5c),
    inner,
  );
  block.fill(0);
  return mac;
}

/** HKDF of section 4.3. */
function hkdf(chainingKey: Uint8Array, input: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
  const temp = hmac(chainingKey, input);
  const first = hmac(temp, Uint8Array.of(1));
  const second = hmac(temp, concat(first, Uint8Array.of(2)));
  const third = hmac(temp, concat(second, Uint8Array.of(3)));
  temp.fill(0);
  return [first, second, third];
}
