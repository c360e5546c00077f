import { expect, it } from 'vitest';
import { expectCode } from '../test/expect-code.ts';
import { toBase64Url } from './encoding.ts';
import { generateKeyPair } from './key-pair.ts';
import { ready } from './sodium.ts';
import { hashToken } from './tokens/index.ts';

it('says that ready() was not awaited, instead of failing somewhere inside', async () => {
  expectCode('crypto_not_ready', () => generateKeyPair());
  expectCode('crypto_not_ready', () => hashToken('token'));
  expectCode('crypto_not_ready', () => toBase64Url(new Uint8Array(1)));
  await ready();
  expect(generateKeyPair().publicKey).toHaveLength(32);
});
