import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EngineNotReady, engineFromCache, ensureEngine } from './ensure.ts';
import { enginePins, type Piece, pluginNames } from './pieces.ts';
import type { Source } from './sources.ts';

const pins = enginePins();
let cacheDir: string;
let lines: string[];

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'claw-engine-'));
  lines = [];
});
afterEach(() => rm(cacheDir, { recursive: true, force: true }));

const pieces = ['cli', ...pluginNames];
const plugins = (source: string, fromCache = false) =>
  pluginNames.map((name) => ({ name, source, fromCache }));

/** A source that writes a small file where the program would be, and counts what it was asked for. */
function fakeSource(
  origin: 'official' | 'built' | 'stand-in',
  options: { why?: string; fails?: string } = {},
) {
  const asked: string[] = [];
  const source: Source = {
    origin,
    unavailable: async () => options.why,
    async fetch(piece, staged) {
      asked.push(piece.id);
      const path = join(staged, piece.executable);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, `${piece.id} ${piece.version} ${origin}`);
      if (options.fails) throw new Error(options.fails);
    },
  };
  return { source, asked };
}

const check = async () => {};
const log = (line: string) => lines.push(line);
const engineDir = () => join(cacheDir, `engine-${pins.key}`);
const cliPath = () => join(engineDir(), pins.cli.target, pins.cli.executable);
const ensure = (...fakes: { source: Source }[]) =>
  ensureEngine({ cacheDir, log, check, sources: fakes.map(({ source }) => source) });

describe('the order of sources', () => {
  test('takes the official download when its host answers, and builds nothing', async () => {
    const official = fakeSource('official');
    const built = fakeSource('built');
    const engine = await ensure(official, built);
    expect(engine).toMatchObject({ source: 'official', fromCache: false, plugins: plugins('official') });
    expect(built.asked).toEqual([]);
    expect(await readFile(join(engine.pulumiRoot, 'bin', 'pulumi'), 'utf8')).toContain('official');
  });

  test('builds when the download host is out of reach, and says why', async () => {
    const official = fakeSource('official', { why: "the host can't be reached" });
    const engine = await ensure(official, fakeSource('built'));
    expect(engine).toMatchObject({ source: 'built', plugins: plugins('built') });
    expect(official.asked).toEqual([]);
    expect(lines.join('\n')).toContain("the host can't be reached");
  });

  test('builds when the download breaks off, and keeps nothing of it', async () => {
    const engine = await ensure(fakeSource('official', { fails: 'connection reset' }), fakeSource('built'));
    expect(engine.source).toBe('built');
    expect(await readFile(cliPath(), 'utf8')).toContain('built');
    expect((await readdir(engineDir())).filter((name) => name.startsWith('part-'))).toEqual([]);
  });

  test('takes a filled cache and asks no source', async () => {
    await ensure(fakeSource('built'));
    const second = fakeSource('official');
    const engine = await ensure(second);
    expect(engine).toMatchObject({ source: 'built', fromCache: true, plugins: plugins('built', true) });
    expect(second.asked).toEqual([]);
  });

  test('names every reason when no source works', async () => {
    const official = fakeSource('official', { why: "the host can't be reached" });
    const built = fakeSource('built', { fails: 'Missing: Go 1.26 or newer' });
    await expect(ensure(official, built)).rejects.toThrow(
      /can't be had[\s\S]*reached[\s\S]*Missing: Go 1\.26/,
    );
  });

  test('refuses a piece of another version', async () => {
    const wrong = async () => {
      throw new Error('says it is version 3.0.0');
    };
    const sources = [fakeSource('built').source];
    await expect(ensureEngine({ cacheDir, sources, check: wrong })).rejects.toThrow('version 3.0.0');
    await expect(engineFromCache(cacheDir)).rejects.toThrow(EngineNotReady);
  });
});

describe('a stand-in', () => {
  const unreachable = () => fakeSource('official', { why: "the host can't be reached" });
  const builds = () => {
    const built = fakeSource('built');
    return { ...built, source: { ...built.source, serves: ({ go }: Piece) => go !== undefined } };
  };
  const standIns = () => {
    const fake = fakeSource('stand-in');
    return { ...fake, source: { ...fake.source, serves: ({ standIn }: Piece) => standIn } };
  };
  const mixed = (fromCache = false) =>
    pluginNames.map((name) => ({ name, source: name === 'hcloud' ? 'built' : 'stand-in', fromCache }));

  test('serves where nothing better can be had', async () => {
    const engine = await ensure(unreachable(), builds(), standIns());
    expect(engine).toMatchObject({ source: 'built', plugins: mixed() });
  });

  test('is never chosen where the official plugin can be had', async () => {
    const standIn = standIns();
    expect(await ensure(fakeSource('official'), standIn)).toMatchObject({ plugins: plugins('official') });
    expect(standIn.asked).toEqual([]);
  });

  test('gives way as soon as the official plugin can be had', async () => {
    await ensure(unreachable(), builds(), standIns());
    const official = fakeSource('official');
    const engine = await ensure(official, builds(), standIns());
    const sources = engine.plugins.map(({ source }) => source);
    expect(sources).toEqual(pluginNames.map((name) => (name === 'hcloud' ? 'built' : 'official')));
    expect(official.asked.sort()).toEqual(pluginNames.filter((name) => name !== 'hcloud').sort());
  });

  test('stays, when the official download breaks off', async () => {
    await ensure(unreachable(), builds(), standIns());
    const broken = fakeSource('official', { fails: 'connection reset' });
    const engine = await ensure(broken, builds(), standIns());
    expect(engine).toMatchObject({ plugins: mixed(true) });
    expect(await engineFromCache(cacheDir)).toMatchObject({ plugins: mixed(true) });
  });

  test('of other sources is made anew, by itself, and the old one stays for whoever runs it', async () => {
    const engine = await ensure(unreachable(), builds(), standIns());
    const name = (await readdir(join(engineDir(), 'stand-ins'))).find((entry) => entry.startsWith('aws-'))!;
    // As if they had been made of other sources.
    const other = 'aws-0000000000000000';
    await rename(join(engineDir(), 'stand-ins', name), join(engineDir(), 'stand-ins', other));
    await rename(join(engineDir(), `${name}.stand-in.json`), join(engineDir(), `${other}.stand-in.json`));
    const before = await readFile(cliPath(), 'utf8');
    const renewed = await engineFromCache(cacheDir);
    expect(renewed).toMatchObject({ plugins: mixed(true) });
    expect(await readFile(cliPath(), 'utf8')).toBe(before);
    expect(await readdir(join(engineDir(), 'stand-ins'))).toContain(other);
    const { aws } = pins.plugins;
    const program = join(renewed.pulumiHome, 'plugins', `resource-aws-v${aws.version}`, aws.executable);
    expect(await readFile(program, 'utf8')).toContain('plugin.cjs');
    expect(renewed.pulumiHome).toBe(engine.pulumiHome);
  });

  test('has its place beside the others in one home', async () => {
    const official = fakeSource('official');
    const some = {
      ...official,
      source: { ...official.source, serves: ({ id }: { id: string }) => id !== 'vultr' },
    };
    const engine = await ensure(some, standIns());
    expect(engine.pulumiHome).not.toBe(join(engineDir(), 'home'));
    for (const piece of Object.values(pins.plugins)) {
      const folder = join(engine.pulumiHome, 'plugins', `resource-${piece.id}-v${piece.version}`);
      const origin = piece.id === 'vultr' ? 'stand-in' : 'official';
      expect(await readFile(join(folder, piece.executable), 'utf8')).toContain(origin);
    }
    const best = await ensure(fakeSource('official'), standIns());
    expect(best.pulumiHome).toBe(join(engineDir(), 'home'));
  });
});

describe('a cache that is not whole', () => {
  test('an empty one is refused without network, with the command to run', async () => {
    await expect(engineFromCache(cacheDir)).rejects.toThrow(/not set up.*npm run setup/);
  });

  test('one flipped bit is detected, and only that piece is made again', async () => {
    await ensure(fakeSource('built'));
    const content = await readFile(cliPath());
    content[3]! ^= 1;
    await writeFile(cliPath(), content);

    await expect(engineFromCache(cacheDir)).rejects.toThrow(/damaged.*bin\/pulumi differs/);
    const again = fakeSource('built');
    const engine = await ensure(again);
    expect(again.asked).toEqual(['cli']);
    expect(engine).toMatchObject({ source: 'built', fromCache: false, plugins: plugins('built', true) });
    expect(lines.join('\n')).toContain('damaged');
    await expect(engineFromCache(cacheDir)).resolves.toBeDefined();
  });

  test('a missing file is detected', async () => {
    await ensure(fakeSource('built'));
    await rm(cliPath());
    await expect(engineFromCache(cacheDir)).rejects.toThrow(/bin\/pulumi is missing/);
  });

  test('what an interrupted run left is ignored and cleared', async () => {
    const left = join(engineDir(), 'part-cli-abc', 'piece', 'bin');
    await mkdir(left, { recursive: true });
    await writeFile(join(left, 'pulumi'), 'half');
    // The rename was done, the manifest was not: this piece counts as absent too.
    await mkdir(dirname(cliPath()), { recursive: true });
    await writeFile(cliPath(), 'half');

    await expect(engineFromCache(cacheDir)).rejects.toThrow(/not set up/);
    await ensure(fakeSource('built'));
    expect(await readFile(cliPath(), 'utf8')).toContain('built');
    expect((await readdir(engineDir())).filter((name) => name.startsWith('part-'))).toEqual([]);
  });

  test('a finished piece survives the failure of the other', async () => {
    const built = fakeSource('built');
    const onlyPlugins: Source = {
      ...built.source,
      async fetch(piece, staged, context) {
        if (piece.id !== 'cli') return built.source.fetch(piece, staged, context);
        for (;;) {
          // The CLI fails once the plugins are in place.
          const entries = await readdir(context.engineDir);
          if (pluginNames.every((name) => entries.includes(`${name}.manifest.json`)))
            throw new Error('no space left');
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    };
    await expect(ensure({ source: onlyPlugins })).rejects.toThrow('no space left');
    const again = fakeSource('built');
    await ensure(again);
    expect(again.asked).toEqual(['cli']);
  });
});

describe('ending it', () => {
  test('an abort ends both pieces and frees the lock', async () => {
    const ending = new AbortController();
    const started = Promise.withResolvers<void>();
    const endless: Source = {
      origin: 'built',
      unavailable: async () => undefined,
      fetch: (_piece, _staged, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
          started.resolve();
        }),
    };
    const running = ensureEngine({ cacheDir, check, sources: [endless], signal: ending.signal });
    await started.promise;
    ending.abort(new Error('Ctrl-C'));
    await expect(running).rejects.toThrow('Ctrl-C');
    await expect(ensure(fakeSource('built'))).resolves.toMatchObject({ source: 'built' });
  });

  test('two setups at once do the work once', async () => {
    const first = fakeSource('built');
    const second = fakeSource('built');
    const engines = await Promise.all([ensure(first), ensure(second)]);
    expect([...first.asked, ...second.asked].sort()).toEqual([...pieces].sort());
    expect(engines.map(({ fromCache }) => fromCache).sort()).toEqual([false, true]);
  });
});
