import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { childEnv, repositoryRoot } from './env.mjs';
import { runChild } from './run-child.mjs';

const installLimitMs = 20 * 60_000;
const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Whether what npm recorded as installed is what the lock file asks for. Optional packages may be absent:
 * most are for other platforms.
 * @param {{ packages?: Record<string, any> } | undefined} lock
 * @param {{ packages?: Record<string, any> } | undefined} installed
 */
export function isInLine(lock, installed) {
  if (!lock?.packages || !installed?.packages) return false;
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (!path.includes('node_modules/')) return true;
    const have = installed.packages[path];
    if (!have) return Boolean(wanted.optional || wanted.devOptional || wanted.peer);
    return wanted.link ? have.link === true : have.version === wanted.version;
  });
}

/**
 * Installs what package-lock.json asks for, unless that was done already. Says what it does.
 * @param {{ say: (text: string) => void, signal?: AbortSignal, root?: string }} options
 */
export async function ensureDependencies({ say, signal, root = repositoryRoot }) {
  const lockPath = join(root, 'package-lock.json');
  const modules = join(root, 'node_modules');
  const record = join(modules, '.claw-lock-hash');
  const hash = createHash('sha256').update(readFileSync(lockPath)).digest('hex');
  const recorded = existsSync(record) ? readFileSync(record, 'utf8').trim() : undefined;
  if (recorded === hash) return 'as package-lock.json asks for';

  const lock = readJson(lockPath);
  const npm = (args) =>
    runChild('npm', args, { cwd: root, env: childEnv(), signal, timeoutMs: installLimitMs });
  // After `npm install` the folder may be right without our record: an `npm ci` would make it anew.
  let done = 'already there';
  if (!isInLine(lock, readJson(join(modules, '.package-lock.json')))) {
    say(existsSync(modules) ? 'package-lock.json has changed: npm ci' : 'npm ci (usually under a minute)');
    await npm(['ci', ...quiet]);
    done = 'installed by npm ci';
  }
  writeFileSync(record, `${hash}\n`);
  return done;
}
