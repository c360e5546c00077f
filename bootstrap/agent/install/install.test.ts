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
import { withFolderLock } from './folder-lock.ts';
import { ensureOpenClaw } from './index.ts';

let folder: string;
let lines: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'claw-store-'));
  lines = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** An npm that writes its arguments down and installs a package of `version`, or ends with `code`. */
function fakeNpm({ version = '2026.9.6', code = 0, waitMs = 0 } = {}): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const script = join(folder, 'npm-cli.js');
  writeFileSync(
    script,
    `const fs = require('fs'), prefix = process.argv[process.argv.indexOf('--prefix') + 1];
fs.appendFileSync(${JSON.stringify(join(folder, 'calls'))}, JSON.stringify({ args: process.argv.slice(2), secret: process.env.SECRET }) + '\\n');
console.error('npm http fetch GET 200 https://registry/x\\nnpm error it broke, token=abcdef123456');
setTimeout(() => {
  fs.mkdirSync(prefix + '/lib/node_modules/openclaw', { recursive: true });
  fs.writeFileSync(prefix + '/lib/node_modules/openclaw/package.json', JSON.stringify({ version: ${JSON.stringify(version)} }));
  process.exit(${code});
}, ${waitMs});`,
  );
  chmodSync(script, 0o755);
  if (!existsSync(join(bin, 'npm'))) symlinkSync(script, join(bin, 'npm'));
  return bin;
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

test('installs the pinned release once, whole, letting only its own scripts run', async () => {
  const path = fakeNpm();
  const first = await install(path);
  expect(first).toMatchObject({
    version: '2026.9.6',
    path: join(folder, 'store/openclaw-2026.9.6/lib/node_modules/openclaw'),
  });
  expect(await install(path)).toEqual(first);
  expect(calls()).toHaveLength(1);
  const { args, secret } = JSON.parse(calls()[0] ?? '{}') as { args: string[]; secret?: string };
  expect(args).toEqual(
    expect.arrayContaining(['install', '--global', 'openclaw@2026.9.6', '--allow-scripts=openclaw']),
  );
  expect(secret).toBeUndefined();
  expect(readdirSync(join(folder, 'store'))).toEqual(['openclaw-2026.9.6']);
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
