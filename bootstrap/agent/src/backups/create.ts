import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { newId, ProductError } from '@claw-cloud/contracts';
import { fromBase64Url, ready } from '@claw-cloud/crypto';
import { type BackupEncryptor, createBackupEncryptor } from '@claw-cloud/crypto/backup';
import { currentOpenClaw } from '../openclaw/service-driver.ts';
import { archiveState } from '../updates/archive.ts';
import { discard, makeStateFolder, needRoom } from '../updates/state-copy.ts';
import { reasonOf } from '../updates/step-failed.ts';
import { ownerOf, type UpdateTools } from '../updates/tools.ts';
import { type Backup, backupFile, keepBackup, openBackups } from './store.ts';

/** What a restore takes; OpenClaw's own archive is compressed. */
export const archiveLimitBytes = 4 * 1024 ** 3;

/** Opens what OpenClaw's user wrote: a plain file of its own, so that no link leads root to another's. */
function openOwn(path: string, uid: number): { file: number; bytes: number } {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const { size, nlink, uid: owner } = fstatSync(file);
  if (fstatSync(file).isFile() && nlink === 1 && owner === uid && size <= archiveLimitBytes)
    return { file, bytes: size };
  closeSync(file);
  throw new Error('OpenClaw made something else than an archive of at most 4 GB');
}

interface Encrypted {
  bytes: number;
  sha256: string;
}

/** Encrypts an open file into another, which is on the disk when this resolves. */
async function encryptFile(
  from: { file: number; bytes: number },
  to: string,
  encryptor: BackupEncryptor,
  progress: (fraction: number) => void,
): Promise<Encrypted> {
  const hash = createHash('sha256');
  const out = openSync(to, 'wx', 0o600);
  let bytes = 0;
  let read = 0;
  const write = (piece: Uint8Array): void => {
    hash.update(piece);
    for (let at = 0; at < piece.length; ) at += writeSync(out, piece, at);
    bytes += piece.length;
  };
  try {
    for await (const chunk of createReadStream('', {
      fd: from.file,
      autoClose: false,
      highWaterMark: 2 ** 20,
    })) {
      write(encryptor.push(chunk as Buffer));
      read += (chunk as Buffer).length;
      progress(read / Math.max(1, from.bytes));
    }
    write(encryptor.finish());
    fsyncSync(out);
  } finally {
    closeSync(out);
  }
  return { bytes, sha256: hash.digest('hex') };
}

/**
 * A backup by OpenClaw's own command, encrypted to the recipients before anybody but OpenClaw can read it; the plain archive lies in a
 * folder of OpenClaw's for as long as that takes. Raises `disk_full`, and `unavailable` with OpenClaw's reason.
 */
export async function createBackup(tools: UpdateTools, recipients: readonly string[]): Promise<Backup> {
  await ready();
  const { paths, folders, progress, now } = tools;
  const openclawVersion = currentOpenClaw(paths) ?? 'unknown';
  const id = newId('backup');
  const at = now().toISOString();
  openBackups(paths);
  await needRoom(tools, 2, 0);
  const name = `backup-${tools.newId()}`;
  const folder = makeStateFolder(tools, name);
  const part = `${backupFile(paths, id)}.part`;
  try {
    progress('backup', 'OpenClaw makes a backup', 0.05);
    const archive = await archiveState(tools, openclawVersion, folder, ['--verify']);
    progress('encrypt', 'It is encrypted to your keys', 0.6);
    const encryptor = createBackupEncryptor({
      id,
      at,
      openclawVersion,
      recipients: recipients.map(fromBase64Url),
    });
    const plain = openOwn(archive, ownerOf(folders.live).uid);
    const encrypted = await encryptFile(plain, part, encryptor, (fraction) =>
      progress('encrypt', 'It is encrypted to your keys', 0.6 + 0.39 * fraction),
    ).finally(() => closeSync(plain.file));
    renameSync(part, backupFile(paths, id));
    const backup: Backup = {
      id,
      at,
      openclawVersion,
      ...encrypted,
      why: 'owner',
      recipients: [...recipients],
    };
    keepBackup(paths, backup);
    return backup;
  } catch (error) {
    if (error instanceof ProductError) throw error;
    throw new ProductError(
      'unavailable',
      `OpenClaw could not make a backup: ${reasonOf(error)}`,
      'Try again when your assistant is idle.',
      { cause: error },
    );
  } finally {
    rmSync(part, { force: true });
    await discard(tools, [name]);
  }
}
