export { fromBase64Url, toBase64Url } from './encoding.ts';
export { CryptoError, type CryptoErrorCode, type CryptoErrorDetail, isCryptoError } from './errors.ts';
export { generateKeyPair, type KeyPair, type KeyPairInput, keyPairFromPrivateKey } from './key-pair.ts';
export { type Secret, type SecretBytes, type SecretText, secret, withBytes, withText } from './secret.ts';
export { ready } from './sodium.ts';
