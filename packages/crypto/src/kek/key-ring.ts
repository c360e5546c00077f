import { decrypt, encrypt } from '../aead.ts';
import { requireLength } from '../bytes.ts';
import type { KeyRing } from '../envelope/index.ts';
import { CryptoError } from '../errors.ts';
import { type SecretBytes, withBytes } from '../secret.ts';
import { sodium } from '../sodium.ts';

/** Eight characters, as crypto_kdf wants them: the one use its subkeys are for. */
const KDF_CONTEXT = 'clawkek1';
const MAX_VERSION = 0xffff_ffff;

/**
 * A ring of key-encryption keys, 32 bytes each by version (1, 2, …); the highest is current. The key given
 * is a master: what wraps is a subkey of it (crypto_kdf, by version), so the same bytes can never serve
 * two versions or another purpose. The masters are not kept. Raises `input_invalid`.
 */
export function createKeyRing({
  versions,
}: {
  readonly versions: Readonly<Record<number, SecretBytes>>;
}): KeyRing {
  const subkeys = new Map<number, Uint8Array>();
  for (const [name, master] of Object.entries(versions)) {
    const version = Number(name);
    if (!isKekVersion(version)) {
      throw new CryptoError(
        'input_invalid',
        `"${name}" is not a version of a key-encryption key.`,
        'Number the versions 1, 2, 3 and so on.',
        { field: 'versions' },
      );
    }
    withBytes(master, (bytes) => {
      requireLength(bytes, 32, `key-encryption key version ${version}`);
      subkeys.set(version, sodium().crypto_kdf_derive_from_key(32, version, KDF_CONTEXT, bytes));
    });
  }
  if (subkeys.size === 0) {
    throw new CryptoError(
      'input_invalid',
      'There is no key-encryption key.',
      'Configure at least version 1.',
      {
        field: 'versions',
      },
    );
  }
  const known = [...subkeys.keys()].sort((a, b) => a - b);
  const subkey = (version: number): Uint8Array => {
    const key = subkeys.get(version);
    if (key) return key;
    throw new CryptoError(
      'kek_unknown',
      `Version ${version} of the key-encryption key is not loaded here.`,
      `Add version ${version} to the configured keys. Retire a version only after every envelope was re-wrapped.`,
      { version },
    );
  };

  return Object.freeze({
    current: Math.max(...known),
    versions: Object.freeze(known),
    wrap(version: number, dataKey: Uint8Array, additionalData: Uint8Array): Uint8Array {
      requireLength(dataKey, 32, 'data key');
      return encrypt(subkey(version), dataKey, additionalData);
    },
    unwrap(version: number, wrappedKey: Uint8Array, additionalData: Uint8Array): Uint8Array {
      const dataKey = decrypt(subkey(version), wrappedKey, additionalData);
      if (dataKey) return dataKey;
      throw new CryptoError(
        'data_key_tampered',
        'The key of this stored secret was altered, moved from another record, or wrapped by another key.',
        'Restore the row from a backup, or have its owner enter the credential again.',
        { version },
      );
    },
    wipe(): void {
      for (const key of subkeys.values()) key.fill(0);
      subkeys.clear();
    },
  });
}

/** Whether a number can name a version: a positive 32-bit integer. */
export function isKekVersion(version: unknown): version is number {
  return Number.isInteger(version) && (version as number) >= 1 && (version as number) <= MAX_VERSION;
}
