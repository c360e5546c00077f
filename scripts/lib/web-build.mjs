import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { childEnv, repositoryRoot } from './env.mjs';
import { runChild } from './run-child.mjs';

const web = join(repositoryRoot, 'apps', 'web');
const record = join(repositoryRoot, 'node_modules', '.claw-web-hash');
const sources = ['apps/web', 'packages/contracts', 'packages/crypto', 'packages/owner-client'];
const ignored = /(^|\/)(node_modules|dist|\.turbo)(\/|$)|\.test\.tsx?$|\.tsbuildinfo$/;

/** A digest of everything that goes into the dashboard. */
export function webSourceHash(root = repositoryRoot) {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  for (const source of sources) {
    const entries = readdirSync(join(root, source), { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1))
      .filter((path) => !ignored.test(path))
      .sort();
    for (const path of files) hash.update(`\0${path}\0`).update(readFileSync(join(root, path)));
  }
  return hash.digest('hex');
}

/**
 * Builds the dashboard unless its sources are those of the last build.
 * @param {{ say: (text: string) => void, signal?: AbortSignal }} options
 * @returns {Promise<string | { skipped: string }>}
 */
export async function ensureWebBuild({ say, signal }) {
  if (!existsSync(join(web, 'src', 'main.tsx'))) return { skipped: 'apps/web has no src/main.tsx yet' };
  const hash = webSourceHash();
  const built = join(web, 'dist', 'index.html');
  if (existsSync(built) && existsSync(record) && readFileSync(record, 'utf8').trim() === hash) {
    return 'unchanged since its last build';
  }
  say('building apps/web');
  const vite = join(repositoryRoot, 'node_modules', 'vite', 'bin', 'vite.js');
  const env = childEnv({ NODE_ENV: 'production' });
  await runChild(process.execPath, [vite, 'build'], { cwd: web, env, signal, timeoutMs: 300_000 });
  writeFileSync(record, `${hash}\n`);
  return 'built into apps/web/dist';
}
