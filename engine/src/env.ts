import { homedir } from 'node:os';
import { join } from 'node:path';

type Env = Readonly<Record<string, string | undefined>>;

/** The folder all caches of this product live in: `$CLAW_CACHE`, else `claw-cloud` in the user's cache folder. */
export function defaultCacheDir(env: Env = process.env): string {
  if (env.CLAW_CACHE) return env.CLAW_CACHE;
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'claw-cloud');
}

/** The environment for a Go build: the user's own proxy and cache settings, and ours on top. */
export function goBuildEnv(extra: Env = {}, env: Env = process.env): NodeJS.ProcessEnv {
  const noSumDb = [env.GONOSUMDB, 'github.com/hetznercloud/*'].filter(Boolean).join(',');
  const { GOOS: _os, GOARCH: _arch, ...rest } = env;
  return {
    ...rest,
    // A toolchain that Go downloads by itself comes from a host that may be out of reach too.
    GOTOOLCHAIN: 'local',
    GOWORK: 'off',
    CGO_ENABLED: '0',
    GONOSUMDB: noSumDb,
    GOFLAGS: '-mod=readonly -buildvcs=false',
    ...extra,
  };
}

/** The environment for Pulumi's own installer and plugin download. */
export function installerEnv(extra: Env = {}, env: Env = process.env): NodeJS.ProcessEnv {
  return { ...env, PULUMI_SKIP_UPDATE_CHECK: 'true', ...extra };
}

/** The environment to look for a toolchain with: `path` replaces the search path in tests. */
export function searchEnv(path?: string, env: Env = process.env): NodeJS.ProcessEnv {
  return path === undefined ? { ...env } : { ...env, PATH: path };
}
