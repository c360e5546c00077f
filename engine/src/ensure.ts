import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultCacheDir } from './env.ts';
import { homeOf } from './home.ts';
import { withLock } from './lock.ts';
import { type CacheState, commitPiece, type Origin, pieceInCache, placeOf } from './manifest.ts';
import { type EnginePins, enginePins, type Piece, type PluginName } from './pieces.ts';
import type { Log } from './progress.ts';
import {
  checkVersion,
  type FetchContext,
  goSource,
  officialSource,
  type Source,
  standInSource,
} from './sources.ts';
import { bundleStandIn } from './stand-in.ts';

/** Who made what serves, and whether it was there before this run. */
export type Served = { source: Origin; fromCache: boolean };

/** A Pulumi engine ready to be used; `pulumiRoot` holds `bin/pulumi`, `pulumiHome` the plugins. */
export type Engine = Served & {
  pulumiHome: string;
  pulumiRoot: string;
  pulumiVersion: string;
  plugins: (Served & { name: PluginName; version: string })[];
};

export type EnsureOptions = {
  /** @default `$CLAW_CACHE`, else `claw-cloud` in the user's cache folder */
  cacheDir?: string | undefined;
  log?: Log | undefined;
  signal?: AbortSignal | undefined;
  /** Tried in this order for each piece that the cache lacks. @default official, a Go build, a stand-in */
  sources?: readonly Source[] | undefined;
  /** @default runs the piece and compares its version with the pin */
  check?: typeof checkVersion | undefined;
};

/** A stand-in that is needed again after this time is made again. */
const standInsKeptMs = 14 * 24 * 60 * 60_000;

/** The engine is not in the cache, or not whole. */
export class EngineNotReady extends Error {
  override name = 'EngineNotReady';
}

function engineDirOf(cacheDir: string, pins: EnginePins): string {
  return join(cacheDir, `engine-${pins.key}`);
}

function piecesOf({ cli, plugins }: EnginePins): Piece[] {
  return [cli, ...Object.values(plugins)];
}

async function engineOf(
  engineDir: string,
  pins: EnginePins,
  served: ReadonlyMap<Piece['id'], Served>,
): Promise<Engine> {
  const of = (id: Piece['id']): Served => {
    const found = served.get(id);
    if (!found) throw new Error(`nothing serves ${id}`);
    return found;
  };
  return {
    pulumiHome: await homeOf(
      engineDir,
      Object.values(pins.plugins).map((piece) => ({ piece, origin: of(piece.id).source })),
    ),
    pulumiRoot: join(engineDir, pins.cli.target),
    pulumiVersion: pins.cli.version,
    ...of('cli'),
    plugins: Object.entries(pins.plugins).map(([name, { id, version }]) => ({
      name: name as PluginName,
      version,
      ...of(id),
    })),
  };
}

/**
 * The engine as an earlier `ensureEngine` left it, with its checksums compared. Touches no network. Builds nothing but
 * stand-ins whose sources have changed, which takes a second. Raises `EngineNotReady`, which says what to do.
 */
export async function engineFromCache(cacheDir: string = defaultCacheDir()): Promise<Engine> {
  const pins = enginePins();
  const engineDir = engineDirOf(cacheDir, pins);
  const pieces = piecesOf(pins);
  let states = await Promise.all(pieces.map((piece) => pieceInCache(engineDir, piece)));
  if (states.some(({ state }) => state === 'outdated')) {
    await withLock(`${engineDir}.lock`, { log: () => {} }, () => renewStandIns(engineDir, pieces));
    states = await Promise.all(pieces.map((piece) => pieceInCache(engineDir, piece)));
  }
  const served = new Map<Piece['id'], Served>();
  pieces.forEach((piece, at) => {
    const found = states[at];
    if (found?.state === 'whole') {
      served.set(piece.id, { source: found.origin, fromCache: true });
      return;
    }
    const why = found?.state === 'damaged' ? `is damaged (${found.reason})` : 'is not set up';
    throw new EngineNotReady(`${piece.title} v${piece.version} ${why} in ${engineDir}. Run: npm run setup`);
  });
  return engineOf(engineDir, pins, served);
}

async function renewStandIns(engineDir: string, pieces: readonly Piece[]): Promise<void> {
  for (const piece of pieces) {
    if ((await pieceInCache(engineDir, piece)).state !== 'outdated') continue;
    const staged = join(await mkdtemp(join(engineDir, `part-${piece.id}-`)), 'piece');
    try {
      await bundleStandIn(piece, staged, join(engineDir, placeOf(piece, 'stand-in').target));
      await commitPiece(engineDir, piece, staged, 'stand-in');
    } finally {
      await rm(join(staged, '..'), { recursive: true, force: true });
    }
  }
}

/** Whether all that serves is as good as can be had: no stand-in is where a better source answers. */
async function isBest(
  engine: Engine,
  pins: EnginePins,
  sources: readonly Source[],
  signal: AbortSignal,
): Promise<boolean> {
  // Side by side: a host that drops packets takes five seconds, and there are two.
  const better = await Promise.all(
    engine.plugins
      .filter(({ source }) => source === 'stand-in')
      .map(({ name, source }) => betterSource(pins.plugins[name], source, sources, signal)),
  );
  return better.every((source) => source === undefined);
}

async function betterSource(piece: Piece, than: Origin, sources: readonly Source[], signal: AbortSignal) {
  for (const source of sources) {
    if (source.origin === than) return undefined;
    if (source.serves?.(piece) === false) continue;
    if ((await source.unavailable(piece, signal)) === undefined) return source;
  }
  return undefined;
}

/**
 * Makes sure that the pinned Pulumi CLI and plugins are in the cache, and says where they are. Each piece
 * comes from the first of: the cache, the official download, a build from Go modules, a stand-in. A stand-in in the
 * cache gives way as soon as the official plugin can be had. Safe to run twice at once, and to be killed anywhere:
 * what is finished is kept. Raises an error naming what is missing.
 */
export async function ensureEngine(options: EnsureOptions = {}): Promise<Engine> {
  const cacheDir = options.cacheDir ?? defaultCacheDir();
  const log = options.log ?? (() => {});
  const pins = enginePins();
  const engineDir = engineDirOf(cacheDir, pins);
  const sources = options.sources ?? [officialSource(), goSource(cacheDir), standInSource()];
  // The first failure ends the other pieces' work too; its error is the one to report.
  const failure = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failure.signal]) : failure.signal;
  try {
    const engine = await engineFromCache(cacheDir);
    if (await isBest(engine, pins, sources, signal)) return engine;
  } catch (error) {
    if (!(error instanceof EngineNotReady)) throw error;
  }
  return withLock(`${engineDir}.lock`, { log, signal: options.signal }, async () => {
    await mkdir(engineDir, { recursive: true });
    await removeLeftovers(engineDir);
    const check = options.check ?? checkVersion;
    const cliRoot = Promise.withResolvers<string>();
    cliRoot.promise.catch(() => {});
    const context: FetchContext = { log, signal, engineDir, cliRoot: cliRoot.promise };
    const served = new Map<Piece['id'], Served>();
    const obtainOne = async (piece: Piece) => {
      try {
        served.set(piece.id, await obtain(piece, sources, check, context));
        if (piece.id === 'cli') cliRoot.resolve(join(engineDir, piece.target));
      } catch (error) {
        if (piece.id === 'cli') cliRoot.reject(error);
        failure.abort(error);
        throw error;
      }
    };
    const results = await Promise.allSettled(piecesOf(pins).map(obtainOne));
    options.signal?.throwIfAborted();
    if (results.some(({ status }) => status === 'rejected')) throw failure.signal.reason;
    await rm(join(engineDir, 'build'), { recursive: true, force: true });
    return engineOf(engineDir, pins, served);
  });
}

async function obtain(
  piece: Piece,
  sources: readonly Source[],
  check: typeof checkVersion,
  context: FetchContext,
): Promise<Served> {
  const { log, signal, engineDir } = context;
  const found: CacheState = await pieceInCache(engineDir, piece);
  const inCache = found.state === 'whole' ? found.origin : undefined;
  if (inCache && inCache !== 'stand-in') return { source: inCache, fromCache: true };
  if (found.state === 'damaged')
    log(`${piece.title} in the cache is damaged (${found.reason}): getting it again`);

  const refusals: string[] = [];
  for (const source of sources) {
    signal.throwIfAborted();
    if (source.origin === inCache) break;
    if (source.serves?.(piece) === false) continue;
    const why = await source.unavailable(piece, signal);
    if (why) {
      refusals.push(why);
      log(`${piece.title}: ${why}`);
      continue;
    }
    const staged = join(await mkdtemp(join(engineDir, `part-${piece.id}-`)), 'piece');
    try {
      signal.throwIfAborted();
      await source.fetch(piece, staged, context);
      // An official plugin was asked for by its exact version, and not each of them can tell it; a stand-in is made of
      // the pin itself.
      if (piece.id === 'cli' || source.origin === 'built') await check(piece, staged, signal);
      await commitPiece(engineDir, piece, staged, source.origin);
      if (source.origin === 'stand-in') log(`${piece.title}: a stand-in serves in its place`);
      return { source: source.origin, fromCache: false };
    } catch (error) {
      signal.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      refusals.push(`${source.origin}: ${reason}`);
      log(`${piece.title}: ${reason}`);
    } finally {
      await rm(join(staged, '..'), { recursive: true, force: true });
    }
  }
  if (inCache) return { source: inCache, fromCache: true };
  throw new Error(`${piece.title} v${piece.version} can't be had.\n- ${refusals.join('\n- ')}`);
}

/** Removes what an interrupted run left half done, and stand-ins nobody has made for long. Only under the lock. */
async function removeLeftovers(engineDir: string): Promise<void> {
  const standIns = await readdir(join(engineDir, 'stand-ins')).catch(() => []);
  const aged = [
    ...(await readdir(engineDir)).filter(
      (name) => name.startsWith('home-') || name.endsWith('.stand-in.json'),
    ),
    ...standIns.map((name) => join('stand-ins', name)),
  ];
  for (const name of aged) {
    const { mtimeMs } = await stat(join(engineDir, name));
    if (Date.now() - mtimeMs > standInsKeptMs)
      await rm(join(engineDir, name), { recursive: true, force: true });
  }
  for (const name of await readdir(engineDir)) {
    if (/^(?:part|draft)-/.test(name)) await rm(join(engineDir, name), { recursive: true, force: true });
  }
}
