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
import { installedIntegrity, installPlan } from './lockfile.ts';

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
  /** OpenClaw's sha512 as the registry has it; for a release without a lockfile of ours. */
  integrity?: string;
  /** Runs OpenClaw's own script as this user instead of the caller, who is root then. */
  scriptUser?: string;
  /** Has everything on the disk before it counts as installed, so that a power cut can't leave half of it. @default false */
  durable?: boolean;
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

function run(
  options: EnsureOpenClawOptions,
  { args, cwd, env, what }: { args: string[]; cwd: string; env: Record<string, string>; what: string },
): Promise<void> {
  const { nodeBin, signal, log, path = systemPath } = options;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(args[0] ?? nodeBin, args.slice(1), {
    cwd,
    // Behind a company's proxy the system trusts what Node alone would not.
    env: { NODE_USE_SYSTEM_CA: '1', ...env, PATH: `${dirname(nodeBin)}${delimiter}${path}` },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.any([signal, AbortSignal.timeout(installLimitMs)]),
  });
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
          `${what} ended with ${code}: ${redactedTail(tail.replace(/^npm http.*$/gm, '').trim(), [], 1500)}`,
        ),
      );
  });
  return promise;
}

/**
 * Installs into `<prefix>/lib` without running any package's code: the pinned release by its lockfile, any
 * other with whatever npm chooses for it, and then only if OpenClaw's own digest is the expected one.
 */
async function installPackages(
  options: EnsureOpenClawOptions,
  npm: string,
  prefix: string,
  version: string,
): Promise<void> {
  const { nodeBin, npmEnvironment = {}, integrity } = options;
  const cwd = join(prefix, 'lib');
  const registry = npmEnvironment['npm_config_registry']?.replace(/\/+$/, '') ?? null;
  const plan = installPlan(version, registry);
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'package.json'), plan.packageJson);
  if (plan.packageLock !== null) writeFileSync(join(cwd, 'package-lock.json'), plan.packageLock);
  const verb = plan.packageLock === null ? ['install', '--save-exact'] : ['ci'];
  await run(options, {
    args: [nodeBin, npm, ...verb].concat(
      '--ignore-scripts',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--no-update-notifier',
      '--loglevel=http',
    ),
    cwd,
    env: npmEnvironment,
    what: 'npm',
  });
  const got = installedIntegrity(readFileSync(join(cwd, 'package-lock.json'), 'utf8'));
  if (integrity !== undefined && got !== integrity)
    throw new Error(`OpenClaw ${version} came with the digest ${got}, expected ${integrity}`);
}

/**
 * OpenClaw's own script takes its mark of an unfinished installation away, without which it refuses to start
 * where it can't write to its package. It is the only package's code that runs, and not as root.
 */
async function finishPackage(options: EnsureOpenClawOptions, packageDir: string): Promise<void> {
  const { nodeBin, scriptUser, npmEnvironment = {} } = options;
  const script = join(packageDir, 'scripts/postinstall-bundled-plugins.mjs');
  if (!existsSync(script)) return;
  const own = (user: string) =>
    run(options, { args: ['chown', `${user}:${user}`, packageDir], cwd: packageDir, env: {}, what: 'chown' });
  const asUser =
    scriptUser === undefined
      ? []
      : [
          'setpriv',
          `--reuid=${scriptUser}`,
          `--regid=${scriptUser}`,
          '--clear-groups',
          '--no-new-privs',
          '--',
        ];
  // The folder alone: the mark lies in it, and nothing below it needs to change.
  if (scriptUser !== undefined) await own(scriptUser);
  await run(options, {
    args: [...asUser, nodeBin, script],
    cwd: packageDir,
    env: npmEnvironment,
    what: "OpenClaw's own script",
  });
  if (scriptUser !== undefined) await own('root');
}

/**
 * OpenClaw at its pinned version in `<storeDir>/openclaw-<version>/`, installed there by npm if it isn't
 * yet (15 to 40 s, 650 MB). Whole or not at all: it is made in a folder of its own, checked, renamed and
 * marked. Safe to call from several processes at once; the second waits for the first. Raises an Error
 * with npm's last words after bounded attempts, or the wrong digest's.
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
        await installPackages(options, npm, prefix, version);
        await finishPackage(options, packageOf(prefix));
        const got = installedVersion(packageOf(prefix));
        if (got !== version)
          throw new Error(`npm installed OpenClaw ${got ?? 'not at all'} instead of ${version}`);
        rmSync(target, { recursive: true, force: true });
        renameSync(prefix, target);
        if (options.durable) await run(options, { args: ['sync'], cwd: target, env: {}, what: 'sync' });
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
