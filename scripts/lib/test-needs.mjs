import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, lstatSync, rmSync } from 'node:fs';
import { mkdir, rename, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { cacheDir, childEnv, searchPath } from './env.mjs';
import { runChild } from './run-child.mjs';

const pythonPackages = [
  'noiseprotocol==0.3.1',
  'cryptography==50.0.2',
  'pynacl==1.6.2',
  'moto[server]==5.2.5',
];

// Named by its list: another list is another folder, and what is there is whole or wrong, never old.
const pythonHome = join(
  cacheDir,
  `python-tests-${createHash('sha256').update(pythonPackages.join('\n')).digest('hex').slice(0, 12)}`,
);
/** Where tests look that run without this script: packages/crypto/test/env.ts, packages/fake-clouds/src/env.ts. */
const pythonLink = join(cacheDir, 'python-tests');

/** The Python that the tests run other implementations with. */
export const testPython = join(pythonHome, 'bin', 'python');

const pythonUsers = [
  'packages/crypto',
  'packages/fake-clouds',
  'packages/providers',
  'stacks',
  'engine',
  'tests',
];

function onPath(...names) {
  return searchPath.split(delimiter).some((dir) =>
    names.some((name) => {
      try {
        accessSync(join(dir, name), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    }),
  );
}

const aptPackages = [
  { name: 'chromium', commands: ['chromium', 'chromium-browser', 'google-chrome'], usedBy: ['tests'] },
  { name: 'openssh-client', commands: ['ssh'], usedBy: ['tests', 'bootstrap'] },
  { name: 'redis-server', commands: ['redis-server'], usedBy: ['packages/queue', 'tests'] },
];

/** Whether one of the given paths may hold tests of one of these folders; no path means all of them. */
export function isAskedFor(folders, paths) {
  if (paths.length === 0) return true;
  const bare = paths.map((path) => path.replace(/^\.\//, ''));
  return folders.some((folder) => bare.some((path) => path.startsWith(folder) || folder.startsWith(path)));
}

/**
 * Gets ready what the asked-for tests need besides the product, where that is possible without asking:
 * Debian packages as root, Python packages in a folder of their own. Returns one sentence for each thing
 * that is missing, with what to do.
 * @param {{ paths: readonly string[], say: (text: string) => void, signal: AbortSignal }} options
 * @returns {Promise<string[]>}
 */
export async function ensureTestNeeds({ paths, say, signal }) {
  const missing = [];
  const absent = aptPackages.filter(
    ({ commands, usedBy }) => isAskedFor(usedBy, paths) && !onPath(...commands),
  );
  if (absent.length > 0) {
    const names = absent.map(({ name }) => name);
    const mayInstall = process.getuid?.() === 0 && onPath('apt-get');
    const failure = mayInstall ? await installByApt(names, say, signal) : undefined;
    for (const { name, commands, usedBy } of absent) {
      if (mayInstall && onPath(...commands)) continue;
      const why = failure ? ` (apt-get: ${failure})` : '';
      missing.push(
        `${name} is missing${why}; tests in ${usedBy.join(', ')} need it. Debian: apt-get install ${name}`,
      );
    }
  }
  if (isAskedFor(pythonUsers, paths)) {
    await ensurePython(say, signal).catch((error) => {
      signal.throwIfAborted();
      missing.push(
        `Python 3 with ${pythonPackages.join(', ')} is missing; tests in ${pythonUsers.join(', ')} need it. ` +
          `Debian: apt-get install python3-venv\n${error.message}`,
      );
    });
  }
  return missing;
}

async function installByApt(names, say, signal) {
  const env = childEnv({ DEBIAN_FRONTEND: 'noninteractive' });
  try {
    say(`apt-get install ${names.join(' ')} (usually about a minute)`);
    await runChild('apt-get', ['update', '-q'], { env, signal, timeoutMs: 300_000 });
    const install = ['install', '-q', '-y', '--no-install-recommends', ...names];
    await runChild('apt-get', install, { env, signal, timeoutMs: 900_000 });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return error.message.split('\n').at(-1);
  }
}

async function ensurePython(say, signal) {
  const check = 'import noise, cryptography, nacl, moto.server';
  const works = () => runChild(testPython, ['-c', check], { env: childEnv(), signal, timeoutMs: 60_000 });
  if (existsSync(testPython)) {
    const whole = await works().then(
      () => true,
      () => false,
    );
    signal.throwIfAborted();
    if (whole) return linkPython();
    rmSync(pythonHome, { recursive: true, force: true });
  }
  say(`Python packages for the tests: ${pythonPackages.join(', ')} (usually a minute or two)`);
  await mkdir(cacheDir, { recursive: true });
  const options = { env: childEnv(), signal, timeoutMs: 600_000 };
  await runChild('python3', ['-m', 'venv', pythonHome], options);
  await runChild(testPython, ['-m', 'pip', 'install', '--quiet', ...pythonPackages], options);
  await works();
  await linkPython();
}

/** In one step, so that tests that run meanwhile find the old one or the new one. */
async function linkPython() {
  const kind = lstatSync(pythonLink, { throwIfNoEntry: false });
  if (kind?.isDirectory()) rmSync(pythonLink, { recursive: true, force: true });
  const next = `${pythonLink}.${process.pid}`;
  await symlink(pythonHome, next);
  await rename(next, pythonLink);
}
