import { concat, randomBytes, requireLength, utf8 } from '../bytes.ts';
import { toBase64Url } from '../encoding.ts';
import { CryptoError } from '../errors.ts';
import { sodium } from '../sodium.ts';
import {
  type BackupAbout,
  type BackupHeader,
  backupMagic,
  chunkBytes,
  dataKeyBytes,
  maxRecipients,
  sealLabel,
  streamKey,
} from './format.ts';

export interface BackupEncryptor {
  /** The encrypted file's next bytes for the next bytes of plaintext, of any length; the first call gives its head too. */
  push(plaintext: Uint8Array): Uint8Array;
  /** The file's last bytes. Nothing may be pushed afterwards. */
  finish(): Uint8Array;
}

export interface BackupEncryptorOptions extends BackupAbout {
  /** X25519 public keys; each of their owners can decrypt the file alone. 1 to 16. */
  readonly recipients: readonly Uint8Array[];
}

/**
 * Encrypts a backup of any size piece by piece; holds 64 KiB. Raises `input_invalid` for a key of the wrong length, or
 * none.
 */
export function createBackupEncryptor(options: BackupEncryptorOptions): BackupEncryptor {
  const { recipients, id, at, openclawVersion } = options;
  if (recipients.length === 0 || recipients.length > maxRecipients) {
    throw new CryptoError(
      'input_invalid',
      `A backup is encrypted to 1 to ${maxRecipients} keys.`,
      'Name the owner’s device, and the recovery key perhaps.',
      { field: 'recipients' },
    );
  }
  for (const key of recipients) requireLength(key, 32, 'recipient');
  const dataKey = randomBytes(dataKeyBytes);
  const sealed = concat(sealLabel, dataKey);
  const header: BackupHeader = {
    id,
    at,
    openclawVersion,
    recipients: recipients.map((key) => ({
      publicKey: toBase64Url(key),
      sealedKey: toBase64Url(sodium().crypto_box_seal(sealed, key)),
    })),
  };
  const json = utf8(JSON.stringify(header));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, json.length);
  const head = concat(backupMagic, length, json);
  const key = streamKey(dataKey, head);
  const stream = sodium().crypto_secretstream_xchacha20poly1305_init_push(key);
  for (const secret of [dataKey, sealed, key]) secret.fill(0);

  let ready = concat(head, stream.header);
  let waiting: Uint8Array = new Uint8Array(0);
  const encrypt = (chunk: Uint8Array, final: boolean): Uint8Array =>
    sodium().crypto_secretstream_xchacha20poly1305_push(
      stream.state,
      chunk,
      null,
      final
        ? sodium().crypto_secretstream_xchacha20poly1305_TAG_FINAL
        : sodium().crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
    );
  const take = (): Uint8Array => {
    const taken = ready;
    ready = new Uint8Array(0);
    return taken;
  };

  return {
    push(plaintext) {
      const bytes = concat(waiting, plaintext);
      const parts = [take()];
      let offset = 0;
      // The last full chunk waits: it may turn out to be the final one.
      for (; bytes.length - offset > chunkBytes; offset += chunkBytes)
        parts.push(encrypt(bytes.subarray(offset, offset + chunkBytes), false));
      waiting = bytes.slice(offset);
      return concat(...parts);
    },
    finish() {
      const last = concat(take(), encrypt(waiting, true));
      waiting.fill(0);
      return last;
    },
  };
}
