import { CryptoError } from './errors.ts';
import { sodium } from './sodium.ts';

/** Base64 in the URL-safe alphabet without padding (RFC 4648 section 5): the only variant on our wires. */
export function toBase64Url(bytes: Uint8Array): string {
  return sodium().to_base64(bytes, sodium().base64_variants.URLSAFE_NO_PADDING);
}

/**
 * The bytes of {@link toBase64Url}'s text, strictly: one text per value, so no white space, padding, other
 * alphabet or stray low bits. Raises `encoding_invalid`.
 */
export function fromBase64Url(text: string): Uint8Array {
  const bytes = tryBase64Url(text);
  if (!bytes) {
    throw new CryptoError(
      'encoding_invalid',
      'The text is not base64url without padding.',
      'Use the text exactly as toBase64Url made it.',
    );
  }
  return bytes;
}

/** As {@link fromBase64Url}, with undefined instead of an error, for callers with a better error to raise. */
export function tryBase64Url(text: unknown): Uint8Array | undefined {
  const { from_base64, base64_variants } = sodium();
  if (typeof text !== 'string') return undefined;
  try {
    // libsodium itself refuses padding, white space, stray low bits and impossible lengths.
    return from_base64(text, base64_variants.URLSAFE_NO_PADDING);
  } catch {
    return undefined;
  }
}
