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
export function readLocalConfig(kind: 'demo' | 'dev', env: NodeJS.ProcessEnv = process.env): LocalConfig {
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
