import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectCode, flip } from '../../test/expect-code.ts';
import { hex, type PythonPeer, startPythonPeer } from '../../test/python-peer.ts';
import { concat, utf8 } from '../bytes.ts';
import { fromBase64Url, toBase64Url } from '../encoding.ts';
import { generateKeyPair, type KeyPair } from '../key-pair.ts';
import { ready, sodium } from '../sodium.ts';
import { chunkBytes } from './format.ts';
import { createBackupDecryptor, createBackupEncryptor } from './index.ts';

const about = { id: 'bak_1', at: '2026-11-25T18:00:00.000Z', openclawVersion: '2026.9.6' };
const sealedChunk = chunkBytes + 17;
let python: PythonPeer;
let device: KeyPair;
let recovery: KeyPair;
beforeAll(async () => {
  await ready();
  python = startPythonPeer();
  [device, recovery] = [generateKeyPair(), generateKeyPair()];
});
afterAll(() => python.stop());

/** Bytes that differ from place to place, so that swapped chunks show. */
const sample = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) % 251);

function encrypt(plain: Uint8Array, step = 100_000, recipients = [device.publicKey, recovery.publicKey]) {
  const encryptor = createBackupEncryptor({ ...about, recipients });
  const parts: Uint8Array[] = [];
  for (let at = 0; at < plain.length; at += step) parts.push(encryptor.push(plain.subarray(at, at + step)));
  return concat(...parts, encryptor.finish());
}

function decrypt(file: Uint8Array, step = 90_001, keys: KeyPair[] = [device]) {
  const decryptor = createBackupDecryptor(keys);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < file.length; at += step) parts.push(decryptor.push(file.subarray(at, at + step)));
  parts.push(decryptor.finish());
  return { plain: concat(...parts), header: decryptor.header() };
}
const headLength = (file: Uint8Array) => 12 + new DataView(file.buffer, file.byteOffset + 8, 4).getUint32(0);

describe('an encrypted backup', () => {
  it.each([0, 1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 3 * chunkBytes, 200_003])(
    'of %d bytes comes back, by either key',
    (length) => {
      const plain = sample(length);
      const file = encrypt(plain);
      for (const key of [device, recovery]) expect(decrypt(file, 90_001, [key]).plain).toEqual(plain);
      expect(decrypt(file).header).toMatchObject(about);
    },
  );

  it('may be cut anywhere on its way', () => {
    const plain = sample(chunkBytes + 500);
    const file = encrypt(plain, 7777);
    for (const step of [1, 13, 4096, 1_000_000]) expect(decrypt(file, step).plain).toEqual(plain);
  });

  it('is what its description says, as Python reads it', async () => {
    const plain = sample(2 * chunkBytes + 5);
    const privateKey = device.privateKey.use(hex);
    const theirs = await python.call('backup_open', { private_key: privateKey, file: hex(encrypt(plain)) });
    expect(theirs).toBe(createHash('sha256').update(plain).digest('hex'));
  });

  it('opens for nobody else, and never looks the same twice', () => {
    const file = encrypt(sample(10));
    expectCode('backup_key_unknown', () => decrypt(file, 1000, [generateKeyPair()]));
    expect(hex(encrypt(sample(10)))).not.toBe(hex(file));
    expect(hex(encrypt(utf8('a secret word')))).not.toContain(hex(utf8('a secret word')));
  });

  it('takes no key that was sealed for something else', () => {
    const file = encrypt(sample(10));
    const header = JSON.parse(Buffer.from(file.subarray(12, headLength(file))).toString());
    const sealed = sodium().crypto_box_seal_open(
      fromBase64Url(header.recipients[0].sealedKey),
      device.publicKey,
      device.privateKey.use((bytes) => bytes),
    );
    const unlabelled = sealed.slice(-32);
    header.recipients[0].sealedKey = toBase64Url(sodium().crypto_box_seal(unlabelled, device.publicKey));
    expectCode('backup_key_unknown', () => decrypt(withHeader(file, JSON.stringify(header))));
  });
});

function withHeader(file: Uint8Array, json: string): Uint8Array {
  const bytes = utf8(json);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return concat(file.subarray(0, 8), length, bytes, file.subarray(headLength(file)));
}

describe('an altered backup', () => {
  const plain = sample(3 * chunkBytes + 100);
  let file: Uint8Array;
  let first: number;
  beforeAll(() => {
    file = encrypt(plain);
    first = headLength(file) + 24;
  });
  const chunk = (index: number) =>
    file.subarray(first + index * sealedChunk, first + (index + 1) * sealedChunk);
  const head = () => file.subarray(0, first);

  it('is noticed: flipped, swapped, repeated, left out, added to', () => {
    for (const at of [first - 1, first, first + sealedChunk + 7, file.length - 1])
      expectCode('backup_tampered', () => decrypt(flip(file, at)));
    const orders = [[1, 0, 2, 3], [0, 0, 1, 2, 3], [0, 2, 3], [0, 1, 3], [3]];
    for (const order of orders)
      expectCode('backup_tampered', () => decrypt(concat(head(), ...order.map(chunk))));
    expectCode('backup_tampered', () => decrypt(concat(file, Uint8Array.of(0))));
    expectCode('backup_tampered', () => decrypt(concat(file, chunk(0))));
  });

  it('is noticed when its end is missing', () => {
    for (const length of [9, 100, first - 5, first])
      expectCode('backup_truncated', () => decrypt(file.slice(0, length)));
    for (const length of [first + sealedChunk, first + 2 * sealedChunk, first + 3 * sealedChunk])
      expectCode('backup_truncated', () => decrypt(file.slice(0, length)));
    expectCode('backup_truncated', () => decrypt(new Uint8Array(0)));
    for (const missing of [1, 50, sealedChunk - 17])
      expectCode('backup_tampered', () => decrypt(file.slice(0, first + 2 * sealedChunk - missing)));
  });

  it('is noticed when it says something else of itself', () => {
    const json = Buffer.from(file.subarray(12, headLength(file))).toString();
    expectCode('backup_tampered', () => decrypt(withHeader(file, json.replace('2026.9.6', '2026.9.5'))));
    expectCode('backup_tampered', () => decrypt(withHeader(file, `${json} `)));
  });

  it('is noticed when another backup’s chunks stand in it', () => {
    expectCode('backup_tampered', () =>
      decrypt(concat(file.subarray(0, headLength(file)), encrypt(plain).subarray(headLength(file)))),
    );
  });

  it('gives nothing more once it was noticed', () => {
    const decryptor = createBackupDecryptor([device]);
    expectCode('backup_tampered', () => decryptor.push(flip(file, first)));
    expectCode('backup_tampered', () => decryptor.push(chunk(1)));
    expectCode('backup_tampered', () => decryptor.finish());
  });
});

it('says what is not a backup, and refuses what it can’t encrypt', () => {
  expectCode('backup_malformed', () => decrypt(utf8('PK something else entirely')));
  expectCode('backup_version_unknown', () => decrypt(concat(utf8('CLAWBAK'), Uint8Array.of(2), sample(50))));
  const file = encrypt(sample(1));
  for (const json of ['{}', '[]', 'x', '{"id":"a","at":"b","openclawVersion":"c","recipients":[]}'])
    expectCode('backup_malformed', () => decrypt(withHeader(file, json)));
  expectCode('backup_malformed', () =>
    decrypt(concat(file.subarray(0, 8), Uint8Array.of(255, 255, 255, 255), sample(99))),
  );
  expectCode('input_invalid', () => encrypt(sample(1), 10, []));
  expectCode('input_invalid', () => encrypt(sample(1), 10, [new Uint8Array(31)]));
});
