import { expect } from 'vitest';
import { CryptoError, type CryptoErrorCode } from '../src/errors.ts';

/** Runs `fn`, expects a CryptoError of exactly this code, and returns it. */
export function expectCode(code: CryptoErrorCode, fn: () => unknown): CryptoError {
  let thrown: unknown;
  try {
    fn();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(CryptoError);
  const error = thrown as CryptoError;
  expect(error.code).toBe(code);
  expect(error.message.length).toBeGreaterThan(10);
  expect(error.fix.length).toBeGreaterThan(10);
  return error;
}

/** The bytes with one bit of one byte flipped. */
export function flip(bytes: Uint8Array, index: number, bit = 0): Uint8Array {
  const flipped = bytes.slice();
  flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
  return flipped;
}
