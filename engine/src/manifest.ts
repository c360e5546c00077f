import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Piece } from './pieces.ts';

export type Origin = 'official' | 'built';

type Manifest = { piece: string; version: string; origin: Origin; files: Record<string, string> };

export type CacheState =
  | { state: 'whole'; origin: Origin }
  | { state: 'absent' }
  | { state: 'damaged'; reason: string };

/** The SHA-256 of a file, in hex. */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function digests(dir: string): Promise<Record<string, string>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files: Record<string, string> = {};
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    // A link is recorded by what it leads to: the official CLI ships some.
    if (entry.isDirectory() || !(await stat(path)).isFile()) continue;
    files[path.slice(dir.length + 1)] = await fileDigest(path);
  }
  return files;
}

function manifestPath(engineDir: string, piece: Piece): string {
  return join(engineDir, `${piece.id}.manifest.json`);
}

/**
 * Puts a finished piece in its place: the folder by one rename, then its manifest. A crash in between
 * leaves a folder without a manifest, which counts as absent.
 */
export async function commitPiece(
  engineDir: string,
  piece: Piece,
  staged: string,
  origin: Origin,
): Promise<void> {
  const target = join(engineDir, piece.target);
  const manifest: Manifest = {
    piece: piece.id,
    version: piece.version,
    origin,
    files: await digests(staged),
  };
  await rm(manifestPath(engineDir, piece), { force: true });
  await rm(target, { recursive: true, force: true });
  await mkdir(dirname(target), { recursive: true });
  await rename(staged, target);
  const draft = `${manifestPath(engineDir, piece)}.draft`;
  await writeFile(draft, `${JSON.stringify(manifest, null, 2)}\n`);
  await rename(draft, manifestPath(engineDir, piece));
}

async function readManifest(engineDir: string, piece: Piece): Promise<Manifest | undefined> {
  try {
    const manifest = JSON.parse(await readFile(manifestPath(engineDir, piece), 'utf8')) as Manifest;
    return manifest.files && manifest.version === piece.version ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** Compares a cached piece with the sums recorded when it was made. Touches no network. */
export async function pieceInCache(engineDir: string, piece: Piece): Promise<CacheState> {
  const manifest = await readManifest(engineDir, piece);
  if (!manifest) return { state: 'absent' };
  const target = join(engineDir, piece.target);
  if (!manifest.files[piece.executable]) {
    return { state: 'damaged', reason: `its manifest does not list ${piece.executable}` };
  }
  for (const [path, recorded] of Object.entries(manifest.files)) {
    const actual = await fileDigest(join(target, path)).catch(() => undefined);
    if (actual === undefined) return { state: 'damaged', reason: `${path} is missing` };
    if (actual !== recorded) return { state: 'damaged', reason: `${path} differs from its recorded SHA-256` };
  }
  return { state: 'whole', origin: manifest.origin };
}
