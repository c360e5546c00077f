import { type Backup, transferPieceBytes } from '@claw-cloud/contracts';
import { type KeyPair, ready } from '@claw-cloud/crypto';
import { createBackupDecryptor } from '@claw-cloud/crypto/backup';
import type { z } from 'zod';
import type { OwnerConnection, OwnerResult, ProgressFrame } from './channel/owner-channel.ts';

type Server = Pick<OwnerConnection, 'command'>;
export type BackupEntry = z.output<typeof Backup>;
/** From 0 to 1. */
export type OnFraction = (fraction: number) => void;

/** Of silence: while it works the server says so. */
const patienceMs = 2 * 60_000;

const toBase64 = (bytes: Uint8Array): string => {
  let text = '';
  // In parts: a call has room for so many arguments only.
  for (let at = 0; at < bytes.length; at += 0x8000)
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
};
const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

/** Has the server back OpenClaw up, encrypted to these public keys (base64url): this device's, and the recovery key's. */
export function createBackup(
  server: Server,
  recipients: string[],
  onProgress?: (progress: ProgressFrame) => void,
): Promise<BackupEntry> {
  const options = { timeoutMs: patienceMs, ...(onProgress ? { onProgress } : {}) };
  return server.command('backup.create', { recipients }, options);
}

/** The encrypted file as it lies on the server, in pieces; what is wrong with it shows when it is decrypted. Raises ChannelError. */
export async function* downloadBackup(
  server: Server,
  backup: BackupEntry,
  onFraction?: OnFraction,
): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < backup.bytes; ) {
    const { data } = await server.command('backup.read', { backupId: backup.id, offset });
    const piece = fromBase64(data);
    if (piece.length === 0) return;
    offset += piece.length;
    onFraction?.(Math.min(1, offset / backup.bytes));
    yield piece;
  }
}

/**
 * The plain archive of an encrypted file that comes in pieces, with any of these keys. Keep what comes only once this has ended: a missing
 * end is seen at the end. Raises CryptoError `backup_key_unknown`, `backup_tampered`, `backup_truncated`, `backup_malformed`.
 */
export async function* decryptBackup(
  pieces: AsyncIterable<Uint8Array>,
  keyPairs: readonly KeyPair[],
): AsyncGenerator<Uint8Array> {
  await ready();
  const decryptor = createBackupDecryptor(keyPairs);
  for await (const piece of pieces) {
    const plain = decryptor.push(piece);
    if (plain.length > 0) yield plain;
  }
  yield decryptor.finish();
}

/** What a restore reads twice: a file that was chosen, or a Blob made of pieces. Browsers digest it in one go, in memory. */
export interface Archive {
  readonly size: number;
  arrayBuffer(): Promise<ArrayBuffer>;
  stream(): AsyncIterable<Uint8Array>;
}

/** Sends a plain archive back and has the server put it in the place of the present state. Raises ChannelError. */
export async function restoreBackup(
  server: Server,
  archive: Archive,
  options: { onFraction?: OnFraction; onProgress?: (progress: ProgressFrame) => void } = {},
): Promise<OwnerResult<'restore.apply'>> {
  const { onFraction, onProgress } = options;
  const digest = await globalThis.crypto.subtle.digest('SHA-256', await archive.arrayBuffer());
  const sha256 = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const timeoutMs = patienceMs;
  await server.command('restore.begin', { bytes: archive.size, sha256 }, { timeoutMs });
  let offset = 0;
  for await (const piece of archive.stream()) {
    for (let at = 0; at < piece.length; at += transferPieceBytes) {
      const data = toBase64(piece.subarray(at, at + transferPieceBytes));
      await server.command('restore.piece', { offset: offset + at, data }, { timeoutMs });
      onFraction?.(Math.min(1, (offset + at) / archive.size));
    }
    offset += piece.length;
  }
  onFraction?.(1);
  return server.command('restore.apply', {}, { timeoutMs, ...(onProgress ? { onProgress } : {}) });
}
