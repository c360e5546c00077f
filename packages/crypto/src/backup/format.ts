import { fromUtf8, utf8 } from '../bytes.ts';
import { CryptoError } from '../errors.ts';
import { sodium } from '../sodium.ts';

/**
 * An encrypted backup, version 1:
 *
 *     magic    8 bytes   "CLAWBAK" and the version, 0x01
 *     length   4 bytes   of the header, big-endian
 *     header   JSON      { id, at, openclawVersion, recipients: [{ publicKey, sealedKey }] }
 *     stream   24 bytes  the header of libsodium's secretstream (XChaCha20-Poly1305)
 *     chunks             64 KiB of plaintext and 17 bytes each; the last may be shorter and is tagged final
 *
 * A random data key is sealed (crypto_box_seal) to each recipient's X25519 key behind a label, so that nothing sealed for another
 * purpose passes for one. The stream's key is BLAKE2b-256 of everything before the stream, keyed with the data key: whoever alters a
 * byte of the header alters the key.
 */
export const backupMagic = Uint8Array.of(...utf8('CLAWBAK'), 1);
export const chunkBytes = 64 * 1024;
export const maxHeaderBytes = 16 * 1024;
export const maxRecipients = 16;
export const dataKeyBytes = 32;
export const sealLabel = utf8('claw.backup.key.v1');

/** What a backup says of itself: anybody who has the file may read it. */
export interface BackupAbout {
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  readonly openclawVersion: string;
}

export interface BackupHeader extends BackupAbout {
  /** Both base64url. */
  readonly recipients: readonly { readonly publicKey: string; readonly sealedKey: string }[];
}

/** The stream's own key: of this data key, for this very head of a file. */
export function streamKey(dataKey: Uint8Array, head: Uint8Array): Uint8Array {
  return sodium().crypto_generichash(32, head, dataKey);
}

const isText = (value: unknown, most: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= most;

/** The header's JSON, checked. Raises `backup_malformed`. */
export function parseHeader(bytes: Uint8Array): BackupHeader {
  let json: unknown;
  try {
    json = JSON.parse(fromUtf8(bytes) ?? '');
  } catch {
    throw malformed('its header is not JSON');
  }
  if (typeof json !== 'object' || json === null) throw malformed('its header has another form');
  const { id, at, openclawVersion, recipients } = json as Partial<BackupHeader>;
  if (!isText(id, 64) || !isText(at, 40) || !isText(openclawVersion, 40))
    throw malformed('its header does not say what it is of');
  if (!Array.isArray(recipients) || recipients.length === 0 || recipients.length > maxRecipients)
    throw malformed('it names no recipient, or too many');
  for (const recipient of recipients as unknown[]) {
    const { publicKey, sealedKey } = (recipient ?? {}) as { publicKey?: unknown; sealedKey?: unknown };
    if (!isText(publicKey, 43) || !isText(sealedKey, 200)) throw malformed('a recipient has another form');
  }
  return { id, at, openclawVersion, recipients };
}

export function malformed(why: string): CryptoError {
  return new CryptoError(
    'backup_malformed',
    `This is not an encrypted backup of ours: ${why}.`,
    'Choose the file that was downloaded as a backup, whole and unchanged.',
  );
}
