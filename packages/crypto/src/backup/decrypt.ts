import { concat, EMPTY } from '../bytes.ts';
import { toBase64Url, tryBase64Url } from '../encoding.ts';
import { CryptoError } from '../errors.ts';
import type { KeyPairInput } from '../key-pair.ts';
import { withBytes } from '../secret.ts';
import { sodium } from '../sodium.ts';
import {
  type BackupHeader,
  backupMagic,
  chunkBytes,
  dataKeyBytes,
  malformed,
  maxHeaderBytes,
  parseHeader,
  sealLabel,
  streamKey,
} from './format.ts';

export interface BackupDecryptor {
  /**
   * Plaintext of the file's next bytes, which may be cut anywhere. What comes out is authentic and in order; that nothing is
   * missing is known after `finish` only, which has the last of it. Raises `backup_malformed`, `backup_version_unknown`, `backup_key_unknown`,
   * `backup_tampered`.
   */
  push(bytes: Uint8Array): Uint8Array;
  /**
   * The last plaintext: the file has ended here. Raises `backup_truncated` where it ends before its end, and what `push`
   * raises.
   */
  finish(): Uint8Array;
  /** What the file says of itself; null until its header was read, and authentic once plaintext has come. */
  header(): BackupHeader | null;
}

type Take = (length: number) => Uint8Array | null;

/** Decrypts a backup piece by piece with any key it was encrypted to; holds a chunk of 64 KiB and what it was pushed. */
export function createBackupDecryptor(keyPairs: readonly KeyPairInput[]): BackupDecryptor {
  let waiting: Uint8Array = EMPTY;
  let header: BackupHeader | null = null;
  let head: Uint8Array | null = null;
  let key: Uint8Array | null = null;
  let state: ReturnType<ReturnType<typeof sodium>['crypto_secretstream_xchacha20poly1305_init_pull']> | null =
    null;
  let ended = false;
  let failed = false;
  const tagBytes = sodium().crypto_secretstream_xchacha20poly1305_ABYTES;
  const streamHeaderBytes = sodium().crypto_secretstream_xchacha20poly1305_HEADERBYTES;

  const take: Take = (length) => {
    if (waiting.length < length) return null;
    const taken = waiting.subarray(0, length);
    waiting = waiting.subarray(length);
    return taken;
  };

  const readHead = (): boolean => {
    const start = waiting.subarray(0, backupMagic.length + 4);
    checkMagic(start);
    if (start.length < backupMagic.length + 4) return false;
    const length = new DataView(start.buffer, start.byteOffset + backupMagic.length, 4).getUint32(0);
    if (length === 0 || length > maxHeaderBytes) throw malformed('its header has an impossible length');
    const whole = take(backupMagic.length + 4 + length);
    if (!whole) return false;
    head = whole.slice();
    header = parseHeader(head.subarray(backupMagic.length + 4));
    const dataKey = openDataKey(header, keyPairs);
    key = streamKey(dataKey, head);
    dataKey.fill(0);
    return true;
  };

  const readStreamHeader = (): boolean => {
    const bytes = take(streamHeaderBytes);
    if (!bytes || !key) return false;
    state = sodium().crypto_secretstream_xchacha20poly1305_init_pull(bytes, key);
    key.fill(0);
    return true;
  };

  const readChunk = (length: number): Uint8Array | null => {
    const bytes = take(length);
    if (!bytes || !state) return null;
    // libsodium says false, and throws nothing, where the tag doesn't fit.
    const pulled = sodium().crypto_secretstream_xchacha20poly1305_pull(state, bytes, null);
    if (!pulled) throw tampered();
    ended = pulled.tag === sodium().crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    return pulled.message;
  };

  const read = (): Uint8Array => {
    if (!head && !readHead()) return EMPTY;
    if (!state && !readStreamHeader()) return EMPTY;
    const parts: Uint8Array[] = [];
    // Only when more stands behind it a chunk is known not to be the last, which may be shorter.
    while (waiting.length > chunkBytes + tagBytes) {
      parts.push(readChunk(chunkBytes + tagBytes) ?? EMPTY);
      if (ended) throw tampered();
    }
    return concat(...parts);
  };

  const readLast = (): Uint8Array => {
    if (!state || waiting.length < tagBytes) throw truncated();
    const last = readChunk(waiting.length);
    if (!ended || !last) throw truncated();
    return last;
  };

  const guarded = <T>(work: () => T): T => {
    if (failed) throw tampered();
    try {
      return work();
    } catch (error) {
      failed = true;
      throw error;
    }
  };

  return {
    push: (bytes) =>
      guarded(() => {
        waiting = concat(waiting, bytes);
        return read();
      }),
    finish: () => guarded(readLast),
    header: () => header,
  };
}

function checkMagic(start: Uint8Array): void {
  const version = backupMagic.length - 1;
  const differs = start.findIndex((byte, index) => index < version && byte !== backupMagic[index]);
  if (differs >= 0) throw malformed('it begins with something else');
  if (start.length > version && start[version] !== backupMagic[version]) {
    throw new CryptoError(
      'backup_version_unknown',
      'This backup was made by a newer version of the agent.',
      'Reload the page, and open the backup again.',
      { version: start[version] ?? 0 },
    );
  }
}

function openDataKey(header: BackupHeader, keyPairs: readonly KeyPairInput[]): Uint8Array {
  for (const pair of keyPairs) {
    const name = toBase64Url(pair.publicKey);
    for (const { publicKey, sealedKey } of header.recipients) {
      const box = publicKey === name ? tryBase64Url(sealedKey) : undefined;
      const opened = box && open(pair, box);
      if (opened) return opened;
    }
  }
  throw new CryptoError(
    'backup_key_unknown',
    'This backup was not encrypted to a key of this device.',
    'Open it on the device that made it, or with the recovery code.',
  );
}

function open(pair: KeyPairInput, box: Uint8Array): Uint8Array | null {
  let opened: Uint8Array;
  try {
    opened = withBytes(pair.privateKey, (key) => sodium().crypto_box_seal_open(box, pair.publicKey, key));
  } catch {
    return null;
  }
  const labelled =
    opened.length === sealLabel.length + dataKeyBytes &&
    sealLabel.every((byte, index) => opened[index] === byte);
  const dataKey = labelled ? opened.slice(sealLabel.length) : null;
  opened.fill(0);
  return dataKey;
}

const tampered = (): CryptoError =>
  new CryptoError(
    'backup_tampered',
    'This backup was altered, or a part of it is missing.',
    'Download it again. If it fails again, use another backup.',
  );

const truncated = (): CryptoError =>
  new CryptoError('backup_truncated', 'This backup ends before its end.', 'Download it again, to its end.');
