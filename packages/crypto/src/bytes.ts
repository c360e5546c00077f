import { CryptoError } from './errors.ts';

const encoder = new TextEncoder();
// ignoreBOM: a leading U+FEFF is part of what was said and must come back; fatal: never guess at bytes.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const EMPTY = new Uint8Array(0);

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of UTF-8 bytes; undefined where they are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Bytes of the platform's generator: in Node about thirty times as fast as libsodium's own. */
export function randomBytes(length: number): Uint8Array {
  return globalThis.crypto.getRandomValues(new Uint8Array(length));
}

/**
 * Each field as a 32-bit big-endian length and its UTF-8 bytes (numbers in decimal), so that no two lists
 * of fields have the same bytes: ('ab','c') and ('a','bc') stay apart.
 */
export function lengthPrefixed(...fields: readonly (string | number | Uint8Array)[]): Uint8Array {
  return concat(
    ...fields.flatMap((field) => {
      const bytes = field instanceof Uint8Array ? field : utf8(String(field));
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, bytes.length);
      return [length, bytes];
    }),
  );
}

/** Raises `input_invalid` unless `bytes` is a byte array of exactly `length`. */
export function requireLength(bytes: unknown, length: number, what: string): asserts bytes is Uint8Array {
  if (!(bytes instanceof Uint8Array) || bytes.length !== length) {
    throw new CryptoError(
      'input_invalid',
      `${what} must be ${length} bytes.`,
      'Pass the bytes as they were generated, undecorated.',
      { field: what },
    );
  }
}
