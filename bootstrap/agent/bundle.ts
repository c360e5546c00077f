import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { agentVersion, pinnedOpenClawVersion } from './src/version.ts';

export interface AgentBundle {
  path: string;
  sha256: string;
  version: string;
  openclawVersion: string;
}

/**
 * The agent as one file for Node 24, written to `<outDir>/<sha256>.mjs`, and `<outDir>/agent.json` about
 * it. The same sources give the same bytes, wherever they lie. About a second. Raises esbuild's errors.
 */
export async function buildAgentBundle(outDir: string): Promise<AgentBundle> {
  const here = fileURLToPath(new URL('.', import.meta.url));
  const result = await build({
    absWorkingDir: here,
    entryPoints: ['src/main.ts'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    minify: true,
    legalComments: 'eof',
    logLevel: 'silent',
    // ws looks for these two and does without.
    external: ['bufferutil', 'utf-8-validate'],
    // ws is CommonJS and asks for Node's modules by require, which an ES module doesn't have.
    banner: {
      js: "import { createRequire as clawCreateRequire } from 'node:module';const require = clawCreateRequire(import.meta.url);",
    },
  });
  const bytes = result.outputFiles[0]?.contents;
  if (!bytes) throw new Error('esbuild made no file');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const path = join(outDir, `${sha256}.mjs`);
  mkdirSync(outDir, { recursive: true });
  // By renaming: whoever serves the folder never reads half a file.
  const replace = (file: string, data: string | Uint8Array) => {
    writeFileSync(`${file}.${process.pid}.part`, data);
    renameSync(`${file}.${process.pid}.part`, file);
  };
  if (!existsSync(path)) replace(path, bytes);
  const about = { sha256, version: agentVersion, openclawVersion: pinnedOpenClawVersion };
  replace(join(outDir, 'agent.json'), `${JSON.stringify(about)}\n`);
  return { path, ...about };
}
