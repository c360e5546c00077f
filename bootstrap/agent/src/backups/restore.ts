import { createHash } from 'node:crypto';
import { chownSync, closeSync, constants, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ProductError } from '@claw-cloud/contracts';
import { z } from 'zod';
import type { Paths } from '../paths.ts';
import { readIfThere, writePrivate } from '../private-file.ts';
import { extractArchive } from '../updates/archive.ts';
import type { Ending } from '../updates/records.ts';
import { discard, makeKept, needRoom } from '../updates/state-copy.ts';
import { reasonOf } from '../updates/step-failed.ts';
import { ownerOf, type UpdateTools } from '../updates/tools.ts';
import { hasRoomForTwo, tryState } from '../updates/try-out.ts';
import { replaceState, steadyVersion } from '../updates/update.ts';
import { readPieces } from './store.ts';

/** An archive on its way back from the owner, in the only place where a plain one may rest. */
const Upload = z.object({ file: z.string(), bytes: z.number().int(), sha256: z.string().length(64) });

const uploadJson = (paths: Pick<Paths, 'rootState'>): string => join(paths.rootState, 'restore.json');

const beginAgain = (): ProductError =>
  new ProductError(
    'conflict',
    'The server does not have the pieces before this one any more.',
    'Begin the restore again.',
  );

function readUpload({ paths, folders }: Pick<UpdateTools, 'paths' | 'folders'>) {
  const text = readIfThere(uploadJson(paths));
  const upload = text === null ? null : Upload.parse(JSON.parse(text));
  const path = upload && join(folders.kept, upload.file);
  const received = path === null ? undefined : statSync(path, { throwIfNoEntry: false })?.size;
  if (!upload || path === null || received === undefined) throw beginAgain();
  return { ...upload, path, received };
}

/** Takes an archive in, from its first byte; one begun before is forgotten. Raises `disk_full`. */
export async function beginRestore(
  tools: UpdateTools,
  { bytes, sha256 }: { bytes: number; sha256: string },
): Promise<void> {
  const { paths, folders } = tools;
  await needRoom(tools, 1, 4 * bytes);
  const former = readIfThere(uploadJson(paths));
  if (former !== null) rmSync(join(folders.kept, Upload.parse(JSON.parse(former)).file), { force: true });
  const name = `restore-${tools.newId()}`;
  makeKept(tools);
  const { gid } = ownerOf(folders.live);
  const path = join(folders.kept, name);
  closeSync(openSync(path, 'wx', 0o640));
  chownSync(path, process.getuid?.() ?? 0, gid);
  writePrivate(uploadJson(paths), JSON.stringify({ file: name, bytes, sha256 }));
}

/** The next piece; resolves with how much is there. One that was sent twice is taken once. Raises `conflict`. */
export function takePiece(
  tools: Pick<UpdateTools, 'paths' | 'folders'>,
  offset: number,
  data: string,
): number {
  const upload = readUpload(tools);
  const piece = Buffer.from(data, 'base64');
  if (offset + piece.length === upload.received) return upload.received;
  if (offset !== upload.received) throw beginAgain();
  if (offset + piece.length > upload.bytes) {
    throw new ProductError(
      'payload_too_large',
      'More was sent than the restore was begun with.',
      'Begin the restore again.',
    );
  }
  const file = openSync(upload.path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
  try {
    for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at);
  } finally {
    closeSync(file);
  }
  return offset + piece.length;
}

const damaged = (why: string): ProductError =>
  new ProductError('backup_damaged', `This backup can't be restored: ${why}`, 'Choose another backup.');

/**
 * Puts a backup that was sent in whole in the place of the present state: checked by its digest, extracted into a fresh folder and tried
 * out while OpenClaw runs on; then as an update changes it, the present state set aside. Raises `backup_damaged`, and what an update raises.
 */
export async function applyRestore(tools: UpdateTools): Promise<Ending> {
  const { paths, folders, progress } = tools;
  const upload = readUpload(tools);
  const version = steadyVersion(tools);
  progress('check', 'The backup is checked', 0.05);
  const hash = createHash('sha256');
  for await (const piece of readPieces(upload.path)) hash.update(piece);
  if (upload.received !== upload.bytes || hash.digest('hex') !== upload.sha256)
    throw damaged('not all of it arrived, or it was altered on its way.');
  let next: string | null = null;
  try {
    progress('extract', 'The backup is extracted', 0.15);
    const name = `${version}-${tools.newId()}`;
    await extractArchive(tools, version, upload.path, name).catch((error: unknown) => {
      throw damaged(reasonOf(error));
    });
    next = name;
    rmSync(upload.path, { force: true });
    rmSync(uploadJson(paths), { force: true });
    if (hasRoomForTwo(tools)) {
      progress('try', 'The backup is tried out', 0.3);
      await tryState(tools, version, join(folders.kept, next)).catch((error: unknown) => {
        throw damaged(`OpenClaw ${version} does not start with it. ${reasonOf(error)}`);
      });
    }
  } catch (error) {
    if (next !== null) await discard(tools, [next]);
    throw error;
  }
  return replaceState(tools, next);
}
