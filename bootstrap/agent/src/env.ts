import { z } from 'zod';

const Environment = z.object({
  /** Prefix of every path; empty on a real machine. */
  CLAW_ROOT: z.string().max(200).default(''),
  /** Where OpenClaw is installed; several process sandboxes share one. */
  CLAW_STORE: z.string().max(400).optional(),
  CLAW_PROCESS_SANDBOX: z.literal('1').optional(),
  CLAW_PORT_BASE: z.coerce.number().int().min(1024).max(65_000).optional(),
  PATH: z.string().max(16_000).default('/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'),
  HOME: z.string().max(400).optional(),
  /** npm's own settings, for machines that install from a mirror or with a cache of their own. */
  npm_config_registry: z.string().max(400).optional(),
  npm_config_cache: z.string().max(400).optional(),
  NODE_EXTRA_CA_CERTS: z.string().max(400).optional(),
});

export interface AgentEnvironment {
  root: string;
  storeDir: string | null;
  processSandbox: boolean;
  gatewayPort: number;
  path: string;
  home: string | null;
  /** Passed on to npm as they are. */
  npm: Record<string, string>;
}

/** Reads the process's environment, once. Raises zod's error for a malformed variable. */
export function readEnvironment(source: NodeJS.ProcessEnv = process.env): AgentEnvironment {
  const env = Environment.parse(source);
  const npm: Record<string, string> = {};
  for (const name of ['npm_config_registry', 'npm_config_cache', 'NODE_EXTRA_CA_CERTS', 'HOME'] as const) {
    const value = env[name];
    if (value !== undefined) npm[name] = value;
  }
  return {
    root: env.CLAW_ROOT.replace(/\/+$/, ''),
    storeDir: env.CLAW_STORE ?? null,
    processSandbox: env.CLAW_PROCESS_SANDBOX === '1',
    gatewayPort: env.CLAW_PORT_BASE ?? 18_789,
    path: env.PATH,
    home: env.HOME ?? null,
    npm,
  };
}

/** The environment as it is, for the agent's own background process. */
export function processEnvironment(): NodeJS.ProcessEnv {
  return process.env;
}
