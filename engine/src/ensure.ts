import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultCacheDir } from './env.ts';
import { withLock } from './lock.ts';
import { type CacheState, commitPiece, type Origin, pieceInCache } from './manifest.ts';
import { type EnginePins, enginePins, type Piece } from './pieces.ts';
import type { Log } from './progress.ts';
import { checkVersion, type FetchContext, goSource, officialSource, type Source } from './sources.ts';

/** Where a piece came from in this run. */
export type PieceSource = 'cache' | Origin;

/** A Pulumi engine ready to be used; `pulumiRoot` holds `bin/pulumi`, `pulumiHome` the plugins. */
export type Engine = {
  pulumiHome: string;
  pulumiRoot: string;
  pulumiVersion: string;
  source: PieceSource;
  plugins: { name: string; version: string; source: PieceSource }[];
};

export type EnsureOptions = {
  /** @default `$CLAW_CACHE`, else `claw-cloud` in the user's cache folder */
  cacheDir?: string | undefined;
  log?: Log | undefined;
  signal?: AbortSignal | undefined;
  /** Tried in this order for each piece that the cache lacks. @default official, then a Go build */
  sources?: readonly Source[] | undefined;
  /** @default runs the piece and compares its version with the pin */
  check?: typeof checkVersion | undefined;
};

/** The engine is not in the cache, or not whole. */
export class EngineNotReady extends Error {
  override name = 'EngineNotReady';
}

function engineDirOf(cacheDir: string, pins: EnginePins): string {
  return join(cacheDir, `engine-${pins.key}`);
}

function engineOf(
  engineDir: string,
  pins: EnginePins,
  sources: { cli: PieceSource; hcloud: PieceSource },
): Engine {
  return {
    pulumiHome: join(engineDir, 'home'),
    pulumiRoot: join(engineDir, pins.cli.target),
    pulumiVersion: pins.cli.version,
    source: sources.cli,
    plugins: [{ name: 'hcloud', version: pins.hcloud.version, source: sources.hcloud }],
  };
}

/**
 * The engine as an earlier `ensureEngine` left it, with its checksums compared. Touches no network and
 * builds nothing. Raises `EngineNotReady`, which says what to do.
 */
export async function engineFromCache(cacheDir: string = defaultCacheDir()): Promise<Engine> {
  const pins = enginePins();
  const engineDir = engineDirOf(cacheDir, pins);
  for (const piece of [pins.cli, pins.hcloud]) {
    const found = await pieceInCache(engineDir, piece);
    if (found.state === 'whole') continue;
    const why = found.state === 'absent' ? 'is not set up' : `is damaged (${found.reason})`;
    throw new EngineNotReady(`${piece.title} v${piece.version} ${why} in ${engineDir}. Run: npm run setup`);
  }
  return engineOf(engineDir, pins, { cli: 'cache', hcloud: 'cache' });
}

/**
 * Makes sure that the pinned Pulumi CLI and plugins are in the cache, and says where they are. Each piece
 * comes from the first of: the cache, the official download, a build from Go modules. Safe to run twice at
 * once, and to be killed anywhere: what is finished is kept. Raises an error naming what is missing.
 */
export async function ensureEngine(options: EnsureOptions = {}): Promise<Engine> {
  const cacheDir = options.cacheDir ?? defaultCacheDir();
  const log = options.log ?? (() => {});
  const pins = enginePins();
  const engineDir = engineDirOf(cacheDir, pins);
  try {
    return await engineFromCache(cacheDir);
  } catch (error) {
    if (!(error instanceof EngineNotReady)) throw error;
  }
  return withLock(`${engineDir}.lock`, { log, signal: options.signal }, async () => {
    await mkdir(engineDir, { recursive: true });
    await removeLeftovers(engineDir);
    const sources = options.sources ?? [officialSource(), goSource(cacheDir)];
    const check = options.check ?? checkVersion;
    // The first failure ends the other piece's work too; its error is the one to report.
    const failure = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, failure.signal]) : failure.signal;
    const cliRoot = Promise.withResolvers<string>();
    cliRoot.promise.catch(() => {});
    const context: FetchContext = { log, signal, engineDir, cliRoot: cliRoot.promise };
    const obtainOne = async (piece: Piece) => {
      try {
        return await obtain(piece, sources, check, context);
      } catch (error) {
        failure.abort(error);
        throw error;
      }
    };
    const cli = obtainOne(pins.cli);
    cli.then(() => cliRoot.resolve(join(engineDir, pins.cli.target)), cliRoot.reject);
    const [cliResult, hcloudResult] = await Promise.allSettled([cli, obtainOne(pins.hcloud)]);
    options.signal?.throwIfAborted();
    if (cliResult.status === 'rejected' || hcloudResult.status === 'rejected') throw failure.signal.reason;
    await rm(join(engineDir, 'build'), { recursive: true, force: true });
    return engineOf(engineDir, pins, { cli: cliResult.value, hcloud: hcloudResult.value });
  });
}

async function obtain(
  piece: Piece,
  sources: readonly Source[],
  check: typeof checkVersion,
  context: FetchContext,
): Promise<PieceSource> {
  const { log, signal, engineDir } = context;
  const found: CacheState = await pieceInCache(engineDir, piece);
  if (found.state === 'whole') return 'cache';
  if (found.state === 'damaged')
    log(`${piece.title} in the cache is damaged (${found.reason}): getting it again`);

  const refusals: string[] = [];
  for (const source of sources) {
    signal.throwIfAborted();
    const why = await source.unavailable(context);
    if (why) {
      refusals.push(why);
      log(`${piece.title}: ${why}`);
      continue;
    }
    const staged = join(await mkdtemp(join(engineDir, `part-${piece.id}-`)), 'piece');
    try {
      signal.throwIfAborted();
      await source.fetch(piece, staged, context);
      await check(piece, staged, signal);
      await commitPiece(engineDir, piece, staged, source.origin);
      return source.origin;
    } catch (error) {
      signal.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      refusals.push(`${source.origin}: ${reason}`);
      log(`${piece.title}: ${reason}`);
    } finally {
      await rm(join(staged, '..'), { recursive: true, force: true });
    }
  }
  throw new Error(`${piece.title} v${piece.version} can't be had.\n- ${refusals.join('\n- ')}`);
}

/** Removes what an interrupted run left half done. Only under the lock. */
async function removeLeftovers(engineDir: string): Promise<void> {
  for (const name of await readdir(engineDir)) {
    if (name.startsWith('part-')) await rm(join(engineDir, name), { recursive: true, force: true });
  }
}
