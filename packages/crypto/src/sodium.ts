import libsodium from 'libsodium-wrappers';
import { CryptoError } from './errors.ts';

let loaded = false;

/** Loads libsodium (10-15 ms, once). Await it before anything else of this package. */
export async function ready(): Promise<void> {
  await libsodium.ready;
  loaded = true;
}

/**
 * The loaded library. Before its `ready`, libsodium's functions are `undefined` and would fail as a
 * TypeError far from the cause: raises `crypto_not_ready` instead.
 */
export function sodium(): typeof libsodium {
  if (!loaded) {
    throw new CryptoError(
      'crypto_not_ready',
      'The encryption library has not been loaded yet.',
      'Await ready() of @claw-cloud/crypto once, at start, before using its functions.',
    );
  }
  return libsodium;
}
