import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Piece } from './pieces.ts';
import { standInKey } from './stand-in.ts';

/** Who made a piece: its vendor, this computer's Go, or this repository in the vendor's place. */
export type Origin = 'official' | 'built' | 'stand-in';

type Manifest = { piece: string; version: string; origin: Origin; files: Record<string, string> };

export type CacheState =
  | { state: 'whole'; origin: Origin }
  | { state: 'absent' }
  /** A stand-in served before, of other sources than today's. */
  | { state: 'outdated' }
  | { state: 'damaged'; reason: string };

const standInManifest = '.stand-in.json';

/**
 * Where a piece is in the engine's folder, and what says so. Every state of a stand-in's sources has a folder of its
 * own: another checkout of this repository that uses the same cache keeps what it has.
 */
export function placeOf(piece: Piece, origin: Origin): { target: string; manifest: string } {
  if (origin !== 'stand-in') return { target: piece.target, manifest: `${piece.id}.manifest.json` };
  const name = `${piece.id}-${standInKey(piece)}`;
  return { target: join('stand-ins', name), manifest: `${name}${standInManifest}` };
}

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
  const place = placeOf(piece, origin);
  const target = join(engineDir, place.target);
  const manifestPath = join(engineDir, place.manifest);
  const manifest: Manifest = {
    piece: piece.id,
    version: piece.version,
    origin,
    files: await digests(staged),
  };
  await rm(manifestPath, { force: true });
  await rm(target, { recursive: true, force: true });
  await mkdir(dirname(target), { recursive: true });
  await rename(staged, target);
  const draft = `${manifestPath}.draft`;
  await writeFile(draft, `${JSON.stringify(manifest, null, 2)}\n`);
  await rename(draft, manifestPath);
}

async function readManifest(path: string, piece: Piece): Promise<Manifest | undefined> {
  try {
    const manifest = JSON.parse(await readFile(path, 'utf8')) as Manifest;
    return manifest.files && manifest.version === piece.version ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** Compares a cached piece with the sums recorded when it was made. Touches no network. */
export async function pieceInCache(engineDir: string, piece: Piece): Promise<CacheState> {
  const usual = await stateAt(engineDir, piece, 'official');
  if (usual.state !== 'absent' || !piece.standIn) return usual;
  const standIn = await stateAt(engineDir, piece, 'stand-in');
  if (standIn.state === 'whole') return standIn;
  const names = await readdir(engineDir).catch(() => []);
  const before = names.some((name) => name.startsWith(`${piece.id}-`) && name.endsWith(standInManifest));
  return before ? { state: 'outdated' } : { state: 'absent' };
}

async function stateAt(engineDir: string, piece: Piece, origin: Origin): Promise<CacheState> {
  const place = placeOf(piece, origin);
  const manifest = await readManifest(join(engineDir, place.manifest), piece);
  if (!manifest || (manifest.origin === 'stand-in') !== (origin === 'stand-in')) return { state: 'absent' };
  const target = join(engineDir, place.target);
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
