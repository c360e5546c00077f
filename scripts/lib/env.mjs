import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Where fetched and built things are kept between checkouts. */
export const cacheDir =
  process.env.CLAW_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'claw-cloud');

export const isCi = Boolean(process.env.CI) && process.env.CI !== 'false';

export const searchPath = process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin';

/** When the command began, as a Unix time in ms: the first of the processes it took knows. */
export const startedAt = Number(process.env.CLAW_STARTED_AT) || performance.timeOrigin;

/** Whether the process that started this one under Node 24 has seen to the dependencies. */
export const dependenciesAreThere = process.env.CLAW_DEPENDENCIES === 'there';

/** This process's environment without what npm and we tell a script about itself, and with `extra` on top. */
export function childEnv(extra = {}) {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(lifecycle|package|command)|CLAW_DEPENDENCIES$)/.test(name),
  );
  return { ...Object.fromEntries(own), CLAW_STARTED_AT: String(startedAt), ...extra };
}

/** What npm needs of the environment to reach its registry: proxies, certificates, cache. */
export function npmEnv() {
  const wanted =
    /^(HOME|XDG_CACHE_HOME|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|(https?|no|all)_proxy|npm_config_(registry|cache|userconfig|globalconfig|cafile|proxy|https_proxy|noproxy))$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => wanted.test(name)));
}
