import { cp, mkdir, rename } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { goBuildEnv, installerEnv, searchEnv } from './env.ts';
import { type Origin, placeOf } from './manifest.ts';
import { goSourceDir, type Piece } from './pieces.ts';
import { type Log, withProgress } from './progress.ts';
import { isReachable } from './reachable.ts';
import { run } from './run.ts';
import { bundleStandIn } from './stand-in.ts';
import { findToolchain, type Toolchain } from './toolchain.ts';

export type FetchContext = {
  log: Log;
  signal: AbortSignal;
  /** The engine's folder in the cache. */
  engineDir: string;
  /** The folder with `bin/pulumi`, once the CLI is in place; plugins are downloaded by it. */
  cliRoot: Promise<string>;
};

/** A place a piece can come from. `fetch` fills `staged` with the piece's folder; it may fail halfway. */
export type Source = {
  origin: Origin;
  /** Whether it can have this piece at all. @default yes */
  serves?(piece: Piece): boolean;
  /** A sentence why it can't be used, or undefined when it can. */
  unavailable(piece: Piece, signal: AbortSignal): Promise<string | undefined>;
  fetch(piece: Piece, staged: string, context: FetchContext): Promise<void>;
};

const downloadLimitMs = 15 * 60_000;
const buildLimitMs = 60 * 60_000;

/** Pulumi's own installer for the CLI, and the CLI's own download for the plugins. */
export function officialSource(reachable: typeof isReachable = isReachable): Source {
  const answers = new Map<string, Promise<boolean>>();
  return {
    origin: 'official',
    async unavailable({ official }, signal) {
      const answer = answers.get(official.url) ?? reachable(official.url, { signal });
      answers.set(official.url, answer);
      return (await answer) ? undefined : `${new URL(official.url).host} can't be reached`;
    },
    async fetch(piece, staged, context) {
      const work = piece.id === 'cli' ? installCli : installPlugin;
      await withProgress(
        `downloading ${piece.title} v${piece.version}`,
        piece.usualDownloadMs,
        context.log,
        () => work(piece, staged, context),
      );
    },
  };
}

async function installCli(piece: Piece, staged: string, { signal }: FetchContext): Promise<void> {
  // In a process of its own: the SDK's installer takes no signal and starts a shell with children.
  const script = join(import.meta.dirname, 'install-official-cli.ts');
  const env = installerEnv();
  await run(process.execPath, [script, staged, piece.version], { env, timeoutMs: downloadLimitMs, signal });
}

async function installPlugin(piece: Piece, staged: string, context: FetchContext): Promise<void> {
  const cliRoot = await context.cliRoot;
  const home = `${staged}.home`;
  await mkdir(home, { recursive: true });
  await run(
    join(cliRoot, 'bin', 'pulumi'),
    [
      ...['plugin', 'install', 'resource', piece.id, `v${piece.version}`],
      ...(piece.official.server ? ['--server', piece.official.server] : []),
    ],
    {
      env: installerEnv({ PULUMI_HOME: home }),
      timeoutMs: downloadLimitMs,
      signal: context.signal,
    },
  );
  await rename(join(home, 'plugins', `resource-${piece.id}-v${piece.version}`), staged);
}

/** A build from the pinned Go modules. `cacheDir` also keeps a toolchain where the computer has none. */
export function goSource(cacheDir: string, path?: string): Source {
  let toolchain: Promise<Toolchain> | undefined;
  return {
    origin: 'built',
    serves: ({ go }) => go !== undefined,
    unavailable: async () => undefined,
    async fetch(piece, staged, context) {
      const { log, signal } = context;
      const build = piece.go;
      if (!build) throw new Error(`${piece.title} can't be built here`);
      toolchain ??= findToolchain({ cacheDir, log, signal, path });
      const { go } = await toolchain;
      // Beside the cache, not in the checkout: a build must not touch what is committed.
      const sources = join(context.engineDir, 'build', build.module);
      await cp(goSourceDir(build), sources, { recursive: true });
      const parallel = String(Math.max(1, Math.min(4, availableParallelism())));
      const output = join(staged, piece.executable);
      const args = ['build', '-p', parallel, '-ldflags', build.ldflags, '-o', output, build.package];
      await withProgress(`building ${piece.title} v${piece.version}`, piece.usualBuildMs, log, () =>
        run(go, args, { cwd: sources, env: goBuildEnv(), timeoutMs: buildLimitMs, signal }),
      );
    },
  };
}

/** A plugin of this repository in the official one's place: for clouds that are pretended too, and only then. */
export function standInSource(): Source {
  return {
    origin: 'stand-in',
    serves: ({ standIn }) => standIn,
    unavailable: async () => undefined,
    fetch: (piece, staged, { engineDir }) =>
      bundleStandIn(piece, staged, join(engineDir, placeOf(piece, 'stand-in').target)),
  };
}

/** Asks a staged piece for its version. Raises an error unless it is the pinned one. */
export async function checkVersion(piece: Piece, staged: string, signal?: AbortSignal): Promise<void> {
  const answer = await run(join(staged, piece.executable), piece.versionArgs, {
    env: { ...searchEnv(), PULUMI_SKIP_UPDATE_CHECK: 'true' },
    timeoutMs: 60_000,
    signal,
  });
  const version = answer.trim().replace(/^v/, '');
  if (version !== piece.version) {
    throw new Error(`${piece.title} says it is version ${version || '(nothing)'}, not ${piece.version}`);
  }
}
