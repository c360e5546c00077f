import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ProductError } from '@claw-cloud/contracts';
import { z } from 'zod';
import { ensureOpenClaw } from '../../../install/index.ts';
import { readBornWith } from '../../bootstrap/bootstrap-json.ts';
import type { Paths } from '../../paths.ts';
import { type RootContext, rootVerb } from '../verb.ts';

export const OpenClawVersion = z.string().regex(/^\d{4}\.\d{1,2}\.\d{1,3}(-[a-z0-9.]{1,20})?$/);

/** Where a version's package lies once it is installed. */
export const packageOf = (paths: Pick<Paths, 'store'>, version: string): string =>
  join(paths.store, `openclaw-${version}`, 'lib/node_modules/openclaw');

function versionAt(packageDir: string): string | null {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8'));
    return z.object({ version: z.string() }).parse(manifest).version;
  } catch {
    return null;
  }
}

/** Its package's script may run as this user only, who owns nothing else there. */
const scriptUser = 'openclaw';

/** An installation's failure in the owner's words, where it has a cause that they can act on. */
function toProductError(version: string, error: unknown): unknown {
  const message = error instanceof Error ? error.message : '';
  if (/ETARGET|E404|notarget/.test(message)) {
    return new ProductError(
      'version_unknown',
      `There is no OpenClaw ${version} in the package registry.`,
      'Choose a version that was published.',
    );
  }
  if (/came with the digest/.test(message)) {
    return new ProductError(
      'digest_mismatch',
      `What the package registry sent as OpenClaw ${version} is not what was offered.`,
      'Try again later. If it happens again, tell us: somebody may have altered it.',
    );
  }
  if (/ENOSPC/.test(message)) {
    return new ProductError(
      'disk_full',
      `The disk was full before OpenClaw ${version} was installed.`,
      'Delete what you no longer need, or choose a larger disk at your cloud.',
    );
  }
  return error;
}

/** Installs a version beside those that are there, owned by root; at once where it is there already. */
export async function installVersion(
  { version, integrity = null }: { version: string; integrity?: string | null },
  { paths, progress, signal }: Pick<RootContext, 'paths' | 'progress' | 'signal'>,
): Promise<void> {
  const npm = readBornWith(paths.rootBootstrapJson)?.sources?.npm;
  try {
    await ensureOpenClaw({
      storeDir: paths.store,
      nodeBin: process.execPath,
      version,
      log: (message) => progress('install', message),
      signal,
      scriptUser,
      durable: true,
      ...(integrity === null ? {} : { integrity }),
      ...(npm === undefined ? {} : { npmEnvironment: { npm_config_registry: npm } }),
    });
  } catch (error) {
    throw toProductError(version, error);
  }
}

export const openclawInstall = rootVerb({
  params: z.object({ version: OpenClawVersion }),
  result: z.object({}),
  limitMs: 20 * 60_000,
  group: 'openclaw',
  async work(params, context) {
    await installVersion(params, context);
    return {};
  },
});

/** Makes an installed version the one that the gateway's next start runs. Raises `version_unknown` where it isn't there. */
export function useVersion(paths: Pick<Paths, 'store' | 'openclawCurrent'>, version: string): string | null {
  const target = packageOf(paths, version);
  if (versionAt(target) !== version) {
    throw new ProductError(
      'version_unknown',
      `OpenClaw ${version} is not installed on this server.`,
      'Install it first.',
    );
  }
  const former = versionAt(paths.openclawCurrent);
  const part = `${paths.openclawCurrent}.part`;
  mkdirSync(dirname(part), { recursive: true, mode: 0o755 });
  rmSync(part, { force: true });
  symlinkSync(target, part);
  renameSync(part, paths.openclawCurrent);
  return former;
}

/** Makes an installed version the one in use, where none is: a change of versions is an update. */
export const openclawUse = rootVerb({
  params: z.object({ version: OpenClawVersion }),
  result: z.object({ former: z.string().max(40).nullable() }),
  limitMs: 30_000,
  group: 'openclaw',
  work: async ({ version }, { paths }) => ({ former: useVersion(paths, version) }),
});
