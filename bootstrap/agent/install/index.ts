import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createBackoff, pause } from '../src/backoff.ts';
import { redactedTail } from '../src/redact.ts';
import { pinnedOpenClawVersion } from '../src/version.ts';
import { withFolderLock } from './folder-lock.ts';

export interface EnsureOpenClawOptions {
  /** Holds `openclaw-<version>/`; shared by every instance of a computer. Made when absent. */
  storeDir: string;
  /** The Node that runs npm, and later OpenClaw: 24.16 or newer. */
  nodeBin: string;
  log: (message: string) => void;
  signal: AbortSignal;
  /** @default the release this agent was tested with */
  version?: string;
  /** Where npm is looked for, besides beside `nodeBin`. @default the system's folders */
  path?: string;
  /** Environment of npm: its registry, cache, certificates. Nothing else is passed on. */
  npmEnvironment?: Record<string, string>;
  /** @default 3 */
  attempts?: number;
}

export interface OpenClawInstall {
  /** OpenClaw's package folder: `<path>/openclaw.mjs` is its entry. */
  path: string;
  version: string;
  /** Where its compiled modules may be cached, shared by every instance. */
  compileCache: string;
}

const systemPath = '/usr/local/bin:/usr/bin:/bin';
const installLimitMs = 15 * 60_000;

/** npm's own script, beside Node or on the path: run by our Node, whatever Node the system has. */
function findNpm(nodeBin: string, path: string): string {
  const beside = join(dirname(nodeBin), '../lib/node_modules/npm/bin/npm-cli.js');
  if (existsSync(beside)) return beside;
  for (const folder of path.split(delimiter)) {
    const npm = join(folder, 'npm');
    if (!folder || !existsSync(npm)) continue;
    const script = realpathSync(npm);
    if (script.endsWith('.js')) return script;
    // Some packagings have a shell script here, with npm's own folder near it.
    const near = join(dirname(script), '../lib/node_modules/npm/bin/npm-cli.js');
    if (existsSync(near)) return near;
  }
  throw new Error('npm is not installed on this machine (looked beside Node and on the PATH)');
}

function installedVersion(packageDir: string): string | null {
  try {
    const manifest = JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')) as {
      version?: unknown;
    };
    return typeof manifest.version === 'string' ? manifest.version : null;
  } catch {
    return null;
  }
}

function runNpm(options: EnsureOpenClawOptions, npm: string, prefix: string, version: string): Promise<void> {
  const { nodeBin, signal, log, path = systemPath, npmEnvironment = {} } = options;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(
    nodeBin,
    [npm, 'install', '--global', '--prefix', prefix, `openclaw@${version}`]
      // Of all packages only OpenClaw's own lifecycle may run; npm refuses this flag outside --global.
      .concat(
        '--allow-scripts=openclaw',
        '--no-audit',
        '--no-fund',
        '--no-update-notifier',
        '--loglevel=http',
      ),
    {
      cwd: prefix,
      // Behind a company's proxy the system trusts what Node alone would not.
      env: { NODE_USE_SYSTEM_CA: '1', ...npmEnvironment, PATH: `${dirname(nodeBin)}${delimiter}${path}` },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: AbortSignal.any([signal, AbortSignal.timeout(installLimitMs)]),
    },
  );
  let tail = '';
  let packages = 0;
  const onOutput = (chunk: Buffer): void => {
    const text = chunk.toString();
    tail = (tail + text).slice(-16_000);
    const before = packages;
    packages += text.match(/http fetch GET 200/g)?.length ?? 0;
    if (Math.floor(packages / 100) > Math.floor(before / 100)) log(`OpenClaw: ${packages} files fetched`);
  };
  child.stdout.on('data', onOutput);
  child.stderr.on('data', onOutput);
  child.once('error', reject);
  child.once('close', (code) => {
    if (code === 0) resolve();
    else
      reject(
        new Error(
          `npm ended with ${code}: ${redactedTail(tail.replace(/^npm http.*$/gm, '').trim(), [], 1500)}`,
        ),
      );
  });
  return promise;
}

/**
 * OpenClaw at its pinned version in `<storeDir>/openclaw-<version>/`, installed there by npm if it isn't
 * yet (30 to 60 s, 650 MB). Whole or not at all: it is made in a folder of its own, checked, renamed and
 * marked. Safe to call from several processes at once; the second waits for the first. Raises an Error
 * with npm's last words after bounded attempts.
 */
export async function ensureOpenClaw(options: EnsureOpenClawOptions): Promise<OpenClawInstall> {
  const { storeDir, log, signal, version = pinnedOpenClawVersion, attempts = 3 } = options;
  if (!/^\d{4}\.\d{1,2}\.\d{1,3}(-[a-z0-9.]{1,20})?$/.test(version)) {
    throw new Error(`"${version}" is not an exact version of OpenClaw`);
  }
  const target = join(storeDir, `openclaw-${version}`);
  const packageOf = (prefix: string) => join(prefix, 'lib/node_modules/openclaw');
  const marker = join(target, '.complete.json');
  const install: OpenClawInstall = {
    path: packageOf(target),
    version,
    compileCache: join(storeDir, 'compile-cache'),
  };
  const isComplete = () => existsSync(marker) && installedVersion(install.path) === version;
  if (isComplete()) return install;

  mkdirSync(storeDir, { recursive: true, mode: 0o755 });
  await withFolderLock(`${target}.lock`, { signal, limitMs: installLimitMs, log }, async () => {
    if (isComplete()) return;
    const npm = findNpm(options.nodeBin, options.path ?? systemPath);
    const backoff = createBackoff({ baseMs: 4000, capMs: 60_000 });
    for (let attempt = 1; ; attempt += 1) {
      const prefix = join(storeDir, `.openclaw-${version}-${randomBytes(6).toString('hex')}`);
      mkdirSync(prefix);
      try {
        log(`OpenClaw ${version}: installing from the npm registry, usually under a minute`);
        await runNpm(options, npm, prefix, version);
        const got = installedVersion(packageOf(prefix));
        if (got !== version)
          throw new Error(`npm installed OpenClaw ${got ?? 'not at all'} instead of ${version}`);
        rmSync(target, { recursive: true, force: true });
        renameSync(prefix, target);
        writeFileSync(marker, JSON.stringify({ version }));
        log(`OpenClaw ${version}: installed`);
        return;
      } catch (error) {
        rmSync(prefix, { recursive: true, force: true });
        if (attempt >= attempts || signal.aborted) throw error;
        log(
          `OpenClaw: attempt ${attempt} of ${attempts} failed, trying again: ${String(error).slice(0, 300)}`,
        );
        await pause(backoff.next(), signal);
      }
    }
  });
  return install;
}
