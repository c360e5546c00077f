import {
  closeSync,
  createReadStream,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { BackupId, Backup as BackupSchema, ProductError, transferPieceBytes } from '@claw-cloud/contracts';
import type { z } from 'zod';
import type { Paths } from '../paths.ts';
import { readIfThere, writePrivate } from '../private-file.ts';

export type Backup = z.infer<typeof BackupSchema>;

/** Backups are for days, not for years: an owner downloads what is to last. The oldest go first. */
const most = { count: 10, bytes: 8 * 1024 ** 3 } as const;

const folderOf = (paths: Pick<Paths, 'rootState'>): string => join(paths.rootState, 'backups');
export const backupFile = (paths: Pick<Paths, 'rootState'>, id: string): string =>
  join(folderOf(paths), `${BackupId.parse(id)}.clawbackup`);
const aboutFile = (paths: Pick<Paths, 'rootState'>, id: string): string =>
  join(folderOf(paths), `${BackupId.parse(id)}.json`);

const unknown = (): ProductError =>
  new ProductError(
    'backup_unknown',
    'There is no such backup on this server.',
    'Look at the list again: only the newest ones are kept.',
  );

/** Makes the folder, and removes what a power cut left of a backup that was being made. */
export function openBackups(paths: Pick<Paths, 'rootState'>): void {
  const folder = folderOf(paths);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(folder)) {
    const id = name.split('.', 1)[0] ?? '';
    const whole = BackupId.safeParse(id).success && existsSync(aboutFile(paths, id));
    if (!whole || name.endsWith('.part')) rmSync(join(folder, name), { force: true });
  }
}

/** The newest first. */
export function listBackups(paths: Pick<Paths, 'rootState'>): Backup[] {
  const folder = folderOf(paths);
  if (!existsSync(folder)) return [];
  const backups = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      try {
        return [BackupSchema.parse(JSON.parse(readIfThere(join(folder, name)) ?? ''))];
      } catch {
        return [];
      }
    });
  return backups.sort((one, other) => other.at.localeCompare(one.at));
}

/** Takes a whole encrypted file into the list, and drops the oldest above the limits. */
export function keepBackup(paths: Pick<Paths, 'rootState'>, backup: Backup): void {
  writePrivate(aboutFile(paths, backup.id), JSON.stringify(backup));
  let bytes = 0;
  listBackups(paths).forEach((each, index) => {
    bytes += each.bytes;
    if (index > 0 && (index >= most.count || bytes > most.bytes)) deleteBackup(paths, each.id);
  });
}

/** Raises `backup_unknown`. */
export function deleteBackup(paths: Pick<Paths, 'rootState'>, id: string): void {
  if (!existsSync(aboutFile(paths, id))) throw unknown();
  rmSync(aboutFile(paths, id), { force: true });
  rmSync(backupFile(paths, id), { force: true });
}

/** A piece of the encrypted file in base64, empty behind its end. Raises `backup_unknown`. */
export function readBackup(
  paths: Pick<Paths, 'rootState'>,
  { id, offset }: { id: string; offset: number },
): { data: string; bytes: number; sha256: string } {
  const about = readIfThere(aboutFile(paths, id));
  if (about === null) throw unknown();
  const { bytes, sha256 } = BackupSchema.parse(JSON.parse(about));
  const file = openSync(backupFile(paths, id), 'r');
  try {
    const piece = Buffer.alloc(transferPieceBytes);
    const length = readSync(file, piece, 0, piece.length, offset);
    return { data: piece.subarray(0, length).toString('base64'), bytes, sha256 };
  } finally {
    closeSync(file);
  }
}

/** Reads a file that root made, in pieces of a megabyte. */
export const readPieces = (path: string): AsyncIterable<Buffer> =>
  createReadStream(path, { highWaterMark: 2 ** 20 });
