import { z } from 'zod';

const Environment = z.object({
  /** Prefix of every path; empty on a real machine. */
  CLAW_ROOT: z.string().max(200).default(''),
  /** Where OpenClaw is installed; several process sandboxes share one. */
  CLAW_STORE: z.string().max(400).optional(),
  CLAW_PROCESS_SANDBOX: z.literal('1').optional(),
  /** Set by claw-agent.service and claw-root.service: systemd runs OpenClaw, and root does what needs privileges. */
  CLAW_SERVICE: z.literal('1').optional(),
  /** Within which a new agent has to prove itself. */
  CLAW_AGENT_CONFIRM_SECONDS: z.coerce.number().int().min(5).max(3600).default(120),
  /** Between two checks of the gateway's health. */
  CLAW_HEALTH_SECONDS: z.coerce.number().min(0.1).max(600).default(20),
  /** Where the gateway is restarted for its memory; derived from the machine's otherwise. */
  CLAW_MEMORY_LIMIT_MB: z.coerce.number().int().min(50).optional(),
  /** Where systemd puts a unit's credentials. */
  CREDENTIALS_DIRECTORY: z.string().max(400).optional(),
  /** How many sockets systemd hands over, from descriptor 3 on. */
  LISTEN_FDS: z.coerce.number().int().min(0).max(10).optional(),
  CLAW_PORT_BASE: z.coerce.number().int().min(1024).max(65_000).optional(),
  PATH: z.string().max(16_000).default('/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'),
  HOME: z.string().max(400).optional(),
  /** npm's own settings, for machines that install from a mirror or with a cache of their own. */
  npm_config_registry: z.string().max(400).optional(),
  npm_config_cache: z.string().max(400).optional(),
  NODE_EXTRA_CA_CERTS: z.string().max(400).optional(),
});

/** What OpenSSH tells the program that a login runs. */
export interface SessionEnvironment {
  /** Null where a shell was asked for. */
  command: string | null;
  term: string;
}

export interface AgentEnvironment {
  root: string;
  storeDir: string | null;
  processSandbox: boolean;
  service: boolean;
  confirmSeconds: number;
  healthSeconds: number;
  memoryLimitMb: number | null;
  credentialsDir: string | null;
  /** Whether systemd handed over a listening socket. */
  socketHandedOver: boolean;
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
    service: env.CLAW_SERVICE === '1',
    confirmSeconds: env.CLAW_AGENT_CONFIRM_SECONDS,
    healthSeconds: env.CLAW_HEALTH_SECONDS,
    memoryLimitMb: env.CLAW_MEMORY_LIMIT_MB ?? null,
    credentialsDir: env.CREDENTIALS_DIRECTORY ?? null,
    socketHandedOver: (env.LISTEN_FDS ?? 0) > 0,
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

const SessionVariables = z.object({
  SSH_ORIGINAL_COMMAND: z.string().max(100_000).optional(),
  TERM: z
    .string()
    .regex(/^[A-Za-z0-9.+_-]{1,40}$/)
    .catch('dumb'),
});

/** Reads what a support session was asked to run. */
export function readSessionEnvironment(source: NodeJS.ProcessEnv = process.env): SessionEnvironment {
  const { SSH_ORIGINAL_COMMAND: command, TERM: term } = SessionVariables.parse(source);
  return { command: command ?? null, term };
}
