import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cacheDir, npmEnv, repositoryRoot, searchPath } from './env.mjs';

/** Where the sandbox cloud's servers find OpenClaw, as their image would hold it. */
export const storeDir = join(cacheDir, 'instance-store');

/**
 * Makes sure that OpenClaw is in the instance store, at the version the agent pins.
 * @param {{ say: (text: string) => void, signal: AbortSignal }} options
 * @returns {Promise<string | { skipped: string }>}
 */
export async function ensureInstanceStore({ say, signal }) {
  const installer = join(repositoryRoot, 'bootstrap', 'agent', 'install', 'index.ts');
  if (!existsSync(installer)) return { skipped: 'bootstrap has no installer of OpenClaw yet' };
  const { ensureOpenClaw } = await import(pathToFileURL(installer).href);
  const { version } = await ensureOpenClaw({
    storeDir,
    nodeBin: process.execPath,
    path: searchPath,
    npmEnvironment: npmEnv(),
    log: say,
    signal,
  });
  return `OpenClaw ${version}`;
}
