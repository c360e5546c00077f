import { beforeAll, describe, expect, it } from 'vitest';
import { expectCode } from '../test/expect-code.ts';
import { lengthPrefixed } from './bytes.ts';
import { fromBase64Url, toBase64Url } from './encoding.ts';
import { ready } from './sodium.ts';

beforeAll(ready);

describe('base64url', () => {
  it('is what Node calls base64url, for every length and value', () => {
    for (let length = 0; length < 70; length += 1) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 37 + length * 11) & 255);
      const text = toBase64Url(bytes);
      expect(text).toBe(Buffer.from(bytes).toString('base64url'));
      expect(fromBase64Url(text)).toEqual(bytes);
    }
  });

  it.each([
    ['padding', 'AA=='],
    ['the other alphabet', '+/+/'],
    ['white space', 'AA AA'],
    ['a line end', 'AAAA\n'],
    ['stray low bits', 'AB'],
    ['an impossible length', 'AAAAA'],
    ['another script', 'ＡＡＡＡ'],
  ])('refuses %s', (_, text) => {
    expectCode('encoding_invalid', () => fromBase64Url(text));
  });
});

it('prefixes fields with their length, so that no two lists meet', () => {
  expect(lengthPrefixed('ab', 'c')).not.toEqual(lengthPrefixed('a', 'bc'));
  expect(lengthPrefixed('a', '')).not.toEqual(lengthPrefixed('a'));
  expect([...lengthPrefixed('ü', 10)]).toEqual([0, 0, 0, 2, 195, 188, 0, 0, 0, 2, 49, 48]);
});
