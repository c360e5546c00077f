import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = fileURLToPath(new URL('../../..', import.meta.url));

export interface LocalConfig {
  /** Where the platform on this computer keeps its state. */
  home: string;
  /** Where fetched and built things are kept between runs and checkouts. */
  cacheDir: string;
  preferredPort: number;
  /** Model keys of the person who runs the demo; they go to the instance through the owner channel. */
  modelKey: { provider: 'openai' | 'anthropic'; apiKey: string } | null;
  path: string;
}

/** Reads the launcher's settings from the environment. */
export function readLocalConfig(
  kind: 'demo' | 'dev' | 'smoke',
  env: NodeJS.ProcessEnv = process.env,
): LocalConfig {
  const openai = env.OPENAI_API_KEY;
  const anthropic = env.ANTHROPIC_API_KEY;
  return {
    home: resolve(env.CLAW_HOME ?? join(repositoryRoot, '.claw', kind)),
    cacheDir: resolve(env.CLAW_CACHE ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'claw-cloud')),
    preferredPort: Number(env.CLAW_PORT ?? 4600),
    modelKey: openai
      ? { provider: 'openai', apiKey: openai }
      : anthropic
        ? { provider: 'anthropic', apiKey: anthropic }
        : null,
    path: env.PATH ?? '/usr/bin:/bin',
  };
}

export interface SmokeConfig extends LocalConfig {
  /** Where the new server reaches this computer; the option goes first. */
  machineUrl: string | undefined;
  /** Other addresses of clouds' APIs, as the provisioner takes them. */
  cloudApiUrls: string | undefined;
  /** The variables that may hold the credential: `CLAW_SMOKE_…`. */
  variables: Readonly<Record<string, string>>;
}

/** Reads the smoke test's settings from the environment. */
export function readSmokeConfig(env: NodeJS.ProcessEnv = process.env): SmokeConfig {
  const variables = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[0].startsWith('CLAW_SMOKE_') && (entry[1] ?? '') !== '',
  );
  return {
    ...readLocalConfig('smoke', env),
    machineUrl: env.MACHINE_URL || undefined,
    cloudApiUrls: env.CLOUD_API_URLS || undefined,
    variables: Object.fromEntries(variables),
  };
}

export interface MachineSandboxConfig {
  /** A port of this computer's loopback that machines are to reach. */
  exposePort: number | null;
  /** Gets each machine's serial log. */
  serialDir: string;
}

/** Reads SANDBOX_EXPOSE_PORT and SANDBOX_SERIAL_DIR (default: `serial` in the sandbox's state folder). */
export function readMachineSandboxConfig(
  stateDir: string,
  env: NodeJS.ProcessEnv = process.env,
): MachineSandboxConfig {
  const port = env.SANDBOX_EXPOSE_PORT;
  if (port !== undefined && !/^\d{1,5}$/.test(port)) {
    throw new Error(`SANDBOX_EXPOSE_PORT must be a port, not '${port}'.`);
  }
  return {
    exposePort: port === undefined ? null : Number(port),
    serialDir: resolve(env.SANDBOX_SERIAL_DIR ?? join(stateDir, 'serial')),
  };
}
