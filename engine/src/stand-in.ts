import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dependencyVersions, enginePins, type Piece, type PluginName } from './pieces.ts';

const standIns = join(import.meta.dirname, '..', 'stand-ins');
const heapLimitMb = 64;

/** The sum of everything a stand-in is made of. */
export function standInKey(piece: Piece): string {
  const hash = createHash('sha256').update(
    JSON.stringify({ version: piece.version, ...dependencyVersions() }),
  );
  for (const folder of ['protocol', piece.id]) {
    const dir = join(standIns, folder);
    const sources = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(
      (path) => /\.(ts|json)$/.test(path) && !path.endsWith('.test.ts'),
    );
    for (const path of sources.sort()) {
      const content = readFileSync(join(dir, path));
      hash.update(`\0${folder}/${path}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/**
 * Makes one executable of a stand-in's sources in `staged`, to be run from `target`. Takes half a second and no
 * network.
 */
export async function bundleStandIn(piece: Piece, staged: string, target: string): Promise<void> {
  // Loaded when there is something to bundle: who only uses the engine needs no compiler.
  const { build } = await import('esbuild');
  await mkdir(staged, { recursive: true });
  await build({
    entryPoints: [join(standIns, piece.id, 'main.ts')],
    outfile: join(staged, 'plugin.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    minify: true,
    logLevel: 'silent',
  });
  // The Node that made it, since the search path of an engine may have none; another one only where it is gone.
  const script = [
    '#!/bin/sh',
    `node=${quoted(process.execPath)}`,
    '[ -x "$node" ] || node=node',
    `exec "$node" --max-old-space-size=${heapLimitMb} ${quoted(join(target, 'plugin.cjs'))} "$@"`,
    '',
  ].join('\n');
  await writeFile(join(staged, piece.executable), script, { mode: 0o755 });
}

const quoted = (path: string) => `'${path.replaceAll("'", `'\\''`)}'`;

/**
 * Puts a cloud's stand-in into a plugin folder of the caller's own, also where the engine has the official plugin or
 * a built one: to compare the two. Returns the folder of the plugin.
 */
export async function stageStandIn(name: PluginName, pluginsDir: string): Promise<string> {
  const piece = enginePins().plugins[name];
  const staged = join(pluginsDir, `resource-${name}-v${piece.version}`);
  await bundleStandIn(piece, staged, staged);
  return staged;
}
