import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import sources from '../../sources.json' with { type: 'json' };
import { withFolderLock } from './folder-lock.ts';
import { ensureOpenClaw } from './index.ts';
import { installPlan } from './lockfile.ts';

let folder: string;
let lines: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'claw-store-'));
  lines = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** An npm that writes its arguments down and installs a package of `version`, or ends with `code`. */
function fakeNpm({ version = '2026.9.6', code = 0, waitMs = 0, integrity = 'sha512-A==' } = {}): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const script = join(folder, 'npm-cli.js');
  const own = `require('fs').rmSync('.openclaw-lifecycle-pending'); require('fs').writeFileSync('ran', String(process.env.SECRET))`;
  writeFileSync(
    script,
    `const fs = require('fs'), at = 'node_modules/openclaw/';
const given = fs.existsSync('package-lock.json') ? JSON.parse(fs.readFileSync('package-lock.json', 'utf8')) : null;
fs.appendFileSync(${JSON.stringify(join(folder, 'calls'))}, JSON.stringify({ args: process.argv.slice(2), secret: process.env.SECRET,
  manifest: JSON.parse(fs.readFileSync('package.json', 'utf8')), openclaw: given?.packages['node_modules/openclaw'] }) + '\\n');
console.error('npm http fetch GET 200 https://registry/x\\nnpm error it broke, token=abcdef123456');
setTimeout(() => {
  fs.mkdirSync(at + 'scripts', { recursive: true });
  fs.writeFileSync(at + 'package.json', JSON.stringify({ version: ${JSON.stringify(version)} }));
  fs.writeFileSync(at + 'scripts/postinstall-bundled-plugins.mjs', "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url); " + ${JSON.stringify(own)});
  fs.writeFileSync(at + '.openclaw-lifecycle-pending', '');
  if (!given) fs.writeFileSync('package-lock.json', JSON.stringify({ packages: { 'node_modules/openclaw': { integrity: ${JSON.stringify(integrity)} } } }));
  process.exit(${code});
}, ${waitMs});`,
  );
  chmodSync(script, 0o755);
  if (!existsSync(join(bin, 'npm'))) symlinkSync(script, join(bin, 'npm'));
  return bin;
}

interface Call {
  args: string[];
  secret?: string;
  manifest: { dependencies: Record<string, string> };
  openclaw?: { integrity: string; resolved?: string };
}
const calls = () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
const install = (path: string, options = {}) =>
  ensureOpenClaw({
    storeDir: join(folder, 'store'),
    // Not this test's Node itself: an npm beside it would be found first.
    nodeBin: process.execPath,
    path,
    log: (line) => lines.push(line),
    signal: AbortSignal.timeout(15_000),
    attempts: 1,
    ...options,
  });

test('installs the pinned release once, whole, by its lockfile, letting only OpenClaw’s own script run', async () => {
  const path = fakeNpm();
  const first = await install(path, { npmEnvironment: { npm_config_registry: 'https://registry.example/' } });
  expect(first).toMatchObject({
    version: '2026.9.6',
    path: join(folder, 'store/openclaw-2026.9.6/lib/node_modules/openclaw'),
  });
  expect(await install(path)).toEqual(first);
  expect(calls()).toHaveLength(1);
  const { args, secret, openclaw } = JSON.parse(calls()[0] ?? '{}') as Call;
  expect(args).toEqual(expect.arrayContaining(['ci', '--ignore-scripts']));
  expect(openclaw).toMatchObject({
    integrity: sources.openclaw.integrity,
    resolved: 'https://registry.example/openclaw/-/openclaw-2026.9.6.tgz',
  });
  expect(secret).toBeUndefined();
  expect(readFileSync(join(first.path, 'ran'), 'utf8')).toBe('undefined');
  expect(existsSync(join(first.path, '.openclaw-lifecycle-pending'))).toBe(false);
  expect(readdirSync(join(folder, 'store'))).toEqual(['openclaw-2026.9.6']);
});

test('takes another release only with the digest that was asked for', async () => {
  const other = { version: '2026.9.7', integrity: 'sha512-B==' };
  await expect(install(fakeNpm({ version: '2026.9.7' }), other)).rejects.toThrow(
    'OpenClaw 2026.9.7 came with the digest sha512-A==, expected sha512-B==',
  );
  expect(readdirSync(join(folder, 'store'))).toEqual([]);
  const { version } = await install(fakeNpm(other), other);
  const { args, manifest } = JSON.parse(calls().at(-1) ?? '{}') as Call;
  expect([version, manifest.dependencies]).toEqual(['2026.9.7', { openclaw: '2026.9.7' }]);
  expect(args).toEqual(expect.arrayContaining(['install', '--save-exact', '--ignore-scripts']));
});

test('the committed lockfile pins every package by digest and names no address', () => {
  const { packageLock } = installPlan('2026.9.6', null);
  const { packages } = JSON.parse(packageLock ?? '{}') as {
    packages: Record<string, { integrity?: string; inBundle?: boolean; resolved?: string }>;
  };
  const entries = Object.entries(packages).filter(([path]) => path !== '');
  expect(entries.length).toBeGreaterThan(300);
  expect(
    entries.filter(([, { integrity, inBundle }]) => !integrity?.startsWith('sha512-') && !inBundle),
  ).toEqual([]);
  expect(packageLock).not.toContain('resolved');
  expect(packages['node_modules/openclaw']?.integrity).toBe(sources.openclaw.integrity);
});

test('two at once install once', async () => {
  const path = fakeNpm({ waitMs: 500 });
  const [one, two] = await Promise.all([install(path), install(path)]);
  expect(two).toEqual(one);
  expect(calls()).toHaveLength(1);
  expect(lines.join()).toContain('which is installing the same');
});

test('takes nothing that is not the pinned release, and leaves nothing of a failure', async () => {
  await expect(install(fakeNpm({ version: '2026.9.5' }))).rejects.toThrow(
    'npm installed OpenClaw 2026.9.5 instead of 2026.9.6',
  );
  const error = await install(fakeNpm({ code: 3 })).catch((reason: Error) => reason);
  expect((error as Error).message).toContain('npm ended with 3: npm error it broke');
  expect((error as Error).message).not.toContain('abcdef123456');
  expect(readdirSync(join(folder, 'store'))).toEqual([]);
  await expect(install(fakeNpm(), { version: 'latest' })).rejects.toThrow('not an exact version');
});

test('installs again where the installation is not what it was', async () => {
  const path = fakeNpm();
  const { path: packageDir } = await install(path);
  writeFileSync(join(packageDir, 'package.json'), '{"version":"2026.9.5"}');
  await install(path);
  expect(calls()).toHaveLength(2);
});

test('a lock of a dead process is taken over, one of a live process is waited for', async () => {
  const lock = join(folder, 'a.lock');
  mkdirSync(lock);
  writeFileSync(join(lock, 'pid'), '999999999');
  const options = {
    signal: AbortSignal.timeout(5000),
    limitMs: 200,
    log: (line: string) => lines.push(line),
  };
  expect(await withFolderLock(lock, options, async () => 'mine')).toBe('mine');
  expect(existsSync(lock)).toBe(false);
  mkdirSync(lock);
  writeFileSync(join(lock, 'pid'), String(process.pid));
  await expect(withFolderLock(lock, options, async () => 'mine')).rejects.toThrow(
    `process ${process.pid}, which holds`,
  );
});
