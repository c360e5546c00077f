import { randomBytes, requireLength } from './bytes.ts';
import { type Secret, type SecretBytes, secret, withBytes } from './secret.ts';
import { sodium } from './sodium.ts';

/** An X25519 key pair (RFC 7748), 32 bytes each. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: Secret<Uint8Array>;
}

/** A key pair as callers may hold it: the private key as a secret or as bare bytes. */
export interface KeyPairInput {
  readonly publicKey: Uint8Array;
  readonly privateKey: SecretBytes;
}

/** A fresh X25519 key pair. */
export function generateKeyPair(): KeyPair {
  return keyPairFromPrivateKey(secret(randomBytes(32)));
}

/** The pair of a stored X25519 private key (32 bytes, copied). Raises `input_invalid`. */
export function keyPairFromPrivateKey(privateKey: SecretBytes): KeyPair {
  return withBytes(privateKey, (bytes) => {
    requireLength(bytes, 32, 'privateKey');
    return { publicKey: sodium().crypto_scalarmult_base(bytes), privateKey: secret(bytes.slice()) };
  });
}
