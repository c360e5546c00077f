import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const entry = join(import.meta.dirname, '../agent/testing/stand-in-openclaw.ts');

/** The light stand-in for OpenClaw as one file of JavaScript. */
export async function bundleStandIn(): Promise<Uint8Array> {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    logLevel: 'silent',
    external: ['bufferutil', 'utf-8-validate'],
    banner: {
      js: "import { createRequire as labCreateRequire } from 'node:module';const require = labCreateRequire(import.meta.url);",
    },
  });
  const bytes = result.outputFiles[0]?.contents;
  if (!bytes) throw new Error('esbuild made no file');
  return bytes;
}

/** An installed stand-in of one version, under `folder`: laid out as the store of OpenClaw is. Raises esbuild's errors. */
export async function ensureStandIn(folder: string, version: string): Promise<string> {
  const bytes = await bundleStandIn();
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const target = join(folder, `${version}-${digest}`);
  if (existsSync(target)) return target;
  const fresh = `${target}.${process.pid}`;
  const packageDir = join(fresh, 'lib/node_modules/openclaw');
  mkdirSync(packageDir, { recursive: true });
  const manifest = { name: 'openclaw', version, type: 'module', bin: { openclaw: 'openclaw.mjs' } };
  writeFileSync(join(packageDir, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(packageDir, 'openclaw.mjs'), bytes);
  writeFileSync(join(fresh, '.complete.json'), '{}');
  try {
    renameSync(fresh, target);
  } catch (error) {
    // Another lab was quicker.
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  return target;
}
