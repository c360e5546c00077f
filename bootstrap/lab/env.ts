import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder all caches of this product live in: `$CLAW_CACHE`, else `claw-cloud` in the user's cache folder. */
export function cacheFolder(): string {
  if (process.env.CLAW_CACHE) return process.env.CLAW_CACHE;
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'claw-cloud');
}

/** The registry named by npm to its scripts, when this process was started by npm. */
export function registryFromEnvironment(): string | undefined {
  return process.env.npm_config_registry || undefined;
}

/** Where programs are looked for; the folders of the system's administration included. */
export function programPath(): string {
  return `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
}

/** The environment for programs of this computer, their folders included. */
export function programEnvironment(): Record<string, string | undefined> {
  return { ...process.env, PATH: programPath(), LC_ALL: 'C.UTF-8' };
}
