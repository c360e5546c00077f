import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureDependencies, isInLine } from './dependencies.mjs';

describe('whether the installed packages are those of the lock file', () => {
  const lock = {
    packages: {
      '': { version: '0.1.0' },
      'packages/core': { version: '0.1.0' },
      'node_modules/@claw-cloud/core': { link: true, resolved: 'packages/core' },
      'node_modules/zod': { version: '4.6.7' },
      'node_modules/native-darwin': { version: '1.0.0', optional: true },
    },
  };
  const core = { link: true };

  test('yes when every one is there, but for other platforms’ parts', () => {
    const installed = {
      packages: { 'node_modules/@claw-cloud/core': core, 'node_modules/zod': { version: '4.6.7' } },
    };
    expect(isInLine(lock, installed)).toBe(true);
  });

  test('no when one is missing, of another version, or nothing is known', () => {
    const older = { 'node_modules/@claw-cloud/core': core, 'node_modules/zod': { version: '4.6.6' } };
    expect(isInLine(lock, { packages: older })).toBe(false);
    expect(isInLine(lock, { packages: { 'node_modules/@claw-cloud/core': core } })).toBe(false);
    expect(isInLine(lock, undefined)).toBe(false);
  });
});

describe('installing', () => {
  let root: string;
  let path: string | undefined;
  const said: string[] = [];
  const say = (text: string) => said.push(text);
  const calls = () =>
    existsSync(join(root, 'calls')) ? readFileSync(join(root, 'calls'), 'utf8').trim().split('\n') : [];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'claw-dependencies-'));
    said.length = 0;
    mkdirSync(join(root, 'bin'));
    // An npm that notes what it was asked for and leaves the record that npm leaves.
    writeFileSync(
      join(root, 'bin', 'npm'),
      '#!/bin/sh\necho "$1" >> calls\nmkdir -p node_modules\ncp package-lock.json node_modules/.package-lock.json\n',
    );
    chmodSync(join(root, 'bin', 'npm'), 0o755);
    path = process.env.PATH;
    process.env.PATH = `${join(root, 'bin')}:${path}`;
    writeLock('4.6.7');
  });
  afterEach(() => {
    process.env.PATH = path;
    rmSync(root, { recursive: true, force: true });
  });
  const writeLock = (version: string) =>
    writeFileSync(
      join(root, 'package-lock.json'),
      JSON.stringify({ packages: { 'node_modules/zod': { version } } }),
    );

  test('runs npm ci once for a fresh checkout, and again when the lock file changed', async () => {
    expect(await ensureDependencies({ say, root })).toBe('installed by npm ci');
    expect(await ensureDependencies({ say, root })).toBe('as package-lock.json asks for');
    expect(calls()).toEqual(['ci']);

    writeLock('4.6.8');
    await ensureDependencies({ say, root });
    expect(calls()).toEqual(['ci', 'ci']);
    expect(said).toEqual(['npm ci (usually under a minute)', 'package-lock.json has changed: npm ci']);
  });

  test('leaves a folder that npm install has brought in line', async () => {
    mkdirSync(join(root, 'node_modules'));
    writeFileSync(
      join(root, 'node_modules', '.package-lock.json'),
      readFileSync(join(root, 'package-lock.json')),
    );
    expect(await ensureDependencies({ say, root })).toBe('already there');
    expect(calls()).toEqual([]);
  });

  test('a failure carries npm’s words and is not taken for success', async () => {
    writeFileSync(join(root, 'bin', 'npm'), '#!/bin/sh\necho npm error network unreachable >&2; exit 1\n');
    await expect(ensureDependencies({ say, root })).rejects.toThrow('network unreachable');
    await expect(ensureDependencies({ say, root })).rejects.toThrow('network unreachable');
  });
});
