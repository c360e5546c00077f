import { readFileSync } from 'node:fs';
import { homedir, hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RetryPauses } from '@claw-cloud/db';
import type { QueueConfig } from '@claw-cloud/queue';
import { z } from 'zod';
import type { KeySource } from './keys/key-source.ts';

const url = z.url().max(2000);
const milliseconds = (fallback: number, min: number, max: number) =>
  z.coerce.number().int().min(min).max(max).default(fallback);

/** `id=url` for each cloud, separated by blanks. */
const Endpoints = z
  .string()
  .max(4000)
  .transform((text, context) => {
    const found: Record<string, string> = {};
    for (const entry of text.split(/\s+/).filter(Boolean)) {
      const [, id, address] = /^([a-z][a-z0-9]{1,29})=(https?:\/\/\S+)$/.exec(entry) ?? [];
      if (id === undefined || address === undefined || !URL.canParse(address))
        context.addIssue({
          code: 'custom',
          message: 'must be id=address for each cloud, separated by blanks',
        });
      else found[id] = address;
    }
    return found;
  });

const databaseVariables = {
  SUPABASE_URL: url,
  SUPABASE_SECRET_KEY: z.string().min(1),
  SUPABASE_PUBLISHABLE_KEY: z.string().min(1),
  SUPABASE_JWT_SECRET: z.string().min(1),
};
const kekVariables = { KEK_FILE: z.string().min(1).optional(), KEK_KEYS: z.string().min(1).optional() };
const oneKekSource = (env: { KEK_FILE?: string | undefined; KEK_KEYS?: string | undefined }) =>
  (env.KEK_FILE === undefined) !== (env.KEK_KEYS === undefined);
const oneKekMessage = { error: 'set either KEK_FILE or KEK_KEYS' };

const DatabaseEnvironment = z.object(databaseVariables);
const RotationEnvironment = z
  .object({ ...databaseVariables, ...kekVariables })
  .refine(oneKekSource, oneKekMessage);

const Environment = z
  .object({
    ...databaseVariables,
    ...kekVariables,
    QUEUE_DATABASE_URL: url.optional(),
    REDIS_URL: url.optional(),
    PULUMI_BACKEND_URL: url,
    PUBLIC_URL: url,
    MACHINE_URL: url.optional(),
    INSTANCE_NPM_REGISTRY: z
      .url({ protocol: /^https?$/ })
      .max(300)
      .optional(),
    INTAKE_KEY_FILE: z.string().min(1).optional(),
    INTAKE_KEYS: z.string().min(1).optional(),
    SANDBOX_CLOUD_URL: url.optional(),
    CLOUD_API_URLS: Endpoints.optional(),
    PLATFORM_CREDENTIALS_FILE: z.string().min(1).optional(),
    EGRESS_ADDRESSES: z.string().max(1000).optional(),
    CLAW_CACHE: z.string().min(1).optional(),
    XDG_CACHE_HOME: z.string().min(1).optional(),
    AGENT_DIR: z.string().min(1),
    NODE_NAME: z.string().min(1).max(100).optional(),
    PROVISIONER_WORK_DIR: z.string().min(1).optional(),
    PROVISIONER_CONCURRENCY: z.coerce.number().int().min(1).max(32).default(2),
    OPERATION_TIMEOUT_MS: milliseconds(40 * 60_000, 10_000, 6 * 3_600_000),
    ENGINE_TIMEOUT_MS: milliseconds(8 * 60_000, 1_000, 3_600_000),
    BOOT_TIMEOUT_MS: milliseconds(15 * 60_000, 5_000, 6 * 3_600_000),
    LEASE_MS: milliseconds(10_000, 2_000, 120_000),
    SWEEP_MS: milliseconds(5_000, 200, 300_000),
    STRAYS_SWEEP_MS: milliseconds(6 * 3_600_000, 1_000, 30 * 24 * 3_600_000),
    SHUTDOWN_GRACE_MS: milliseconds(60_000, 1_000, 600_000),
    RETRY_FIRST_MS: milliseconds(5 * 60_000, 100, 24 * 3_600_000),
    RETRY_LONGEST_MS: milliseconds(6 * 3_600_000, 100, 7 * 24 * 3_600_000),
    RETRY_FOR_MS: milliseconds(3 * 24 * 3_600_000, 0, 30 * 24 * 3_600_000),
    STOP_GRACE_MS: milliseconds(30_000, 0, 600_000),
    PATH: z.string().default('/usr/bin:/bin'),
  })
  .refine((env) => env.QUEUE_DATABASE_URL !== undefined || env.REDIS_URL !== undefined, {
    error: 'set QUEUE_DATABASE_URL or REDIS_URL',
  })
  .refine(oneKekSource, oneKekMessage)
  .refine((env) => (env.INTAKE_KEY_FILE === undefined) !== (env.INTAKE_KEYS === undefined), {
    error: 'set either INTAKE_KEY_FILE or INTAKE_KEYS',
  });

export interface ProvisionerConfig {
  readonly database: {
    readonly url: string;
    readonly secretKey: string;
    readonly publishableKey: string;
    readonly jwtSecret: string;
  };
  readonly queue: QueueConfig;
  readonly pulumiBackendUrl: string;
  /** What instances call home to, without a trailing slash. */
  readonly machineUrl: string;
  /** Where bare machines fetch Node and OpenClaw, without a trailing slash; null leaves it to the bootstrap. */
  readonly instanceNpmRegistry: string | null;
  readonly kek: KeySource;
  readonly intake: KeySource;
  /** Addresses of clouds that don't answer at their own, e.g. the sandbox. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** By cloud: the platform's own identity there, for roles. */
  readonly platformCredentials: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The addresses that requests to clouds come from, for owners who limit their keys to them. */
  readonly egressAddresses: readonly string[];
  readonly cacheDir: string;
  /** Holds agent.json, which names the bundle that instances fetch. */
  readonly agentDir: string;
  readonly nodeName: string;
  /** Holds a folder per running operation; wiped folder by folder. */
  readonly workDir: string;
  readonly concurrency: number;
  readonly operationTimeoutMs: number;
  /** Of one run of the engine. */
  readonly engineTimeoutMs: number;
  readonly bootTimeoutMs: number;
  readonly leaseMs: number;
  readonly sweepMs: number;
  /** How often each owner's account is looked through for what no instance owns. */
  readonly straysSweepMs: number;
  /** How long an operating system may take to shut down before the power is switched off. */
  readonly shutdownGraceMs: number;
  readonly retry: RetryPauses;
  readonly stopGraceMs: number;
  readonly path: string;
}

/** The engine's Postgres driver insists on TLS unless told otherwise; an embedded Postgres on loopback has none. */
function backendUrl(text: string): string {
  const address = new URL(text);
  const isPostgres = address.protocol === 'postgres:' || address.protocol === 'postgresql:';
  const isLocal = ['127.0.0.1', '[::1]', 'localhost'].includes(address.hostname);
  if (!isPostgres || !isLocal || address.searchParams.has('sslmode')) return text;
  address.searchParams.set('sslmode', 'disable');
  return address.toString();
}

const PlatformCredentials = z.record(z.string(), z.record(z.string(), z.string().min(1).max(4000)));

/** `{"<cloud>": {"<name>": "<value>"}}`. Raises an error that names the file and no value. */
function readPlatformCredentials(path: string): ProvisionerConfig['platformCredentials'] {
  try {
    return PlatformCredentials.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    throw new Error(`PLATFORM_CREDENTIALS_FILE: ${path} can not be read as JSON of texts by cloud and name.`);
  }
}

const withoutSlash = (address: string): string => address.replace(/\/+$/, '');

function parsed<T>(schema: z.ZodType<T>, env: NodeJS.ProcessEnv): T {
  const result = schema.safeParse(env);
  if (result.success) return result.data;
  const wrong = result.error.issues.map(
    (issue) => `${issue.path.join('.') || 'environment'}: ${issue.message}`,
  );
  throw new Error(`The provisioner can't start with this environment:\n${wrong.join('\n')}`);
}

const databaseOf = (is: z.infer<typeof DatabaseEnvironment>): ProvisionerConfig['database'] => ({
  url: is.SUPABASE_URL,
  secretKey: is.SUPABASE_SECRET_KEY,
  publishableKey: is.SUPABASE_PUBLISHABLE_KEY,
  jwtSecret: is.SUPABASE_JWT_SECRET,
});

const kekOf = (is: z.infer<typeof RotationEnvironment>): KeySource =>
  is.KEK_FILE === undefined ? { kind: 'text', text: is.KEK_KEYS ?? '' } : { kind: 'file', path: is.KEK_FILE };

/** What an operator's command on the database needs, and no more. */
export const readDatabaseConfig = (env: NodeJS.ProcessEnv = process.env): ProvisionerConfig['database'] =>
  databaseOf(parsed(DatabaseEnvironment, env));

/** What the rotation of key-encryption keys needs, and no more. */
export function readRotationConfig(
  env: NodeJS.ProcessEnv = process.env,
): Pick<ProvisionerConfig, 'database' | 'kek'> {
  const is = parsed(RotationEnvironment, env);
  return { database: databaseOf(is), kek: kekOf(is) };
}

/** Reads the settings once; raises an error that lists every variable that is missing or wrong, and no value. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): ProvisionerConfig {
  const is = parsed(Environment, env);
  const cacheHome = is.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  return {
    database: databaseOf(is),
    queue:
      is.REDIS_URL === undefined
        ? { kind: 'postgres', url: is.QUEUE_DATABASE_URL ?? '' }
        : { kind: 'redis', url: is.REDIS_URL },
    pulumiBackendUrl: backendUrl(is.PULUMI_BACKEND_URL),
    machineUrl: withoutSlash(is.MACHINE_URL ?? is.PUBLIC_URL),
    instanceNpmRegistry:
      is.INSTANCE_NPM_REGISTRY === undefined ? null : withoutSlash(is.INSTANCE_NPM_REGISTRY),
    kek: kekOf(is),
    intake:
      is.INTAKE_KEY_FILE === undefined
        ? { kind: 'text', text: is.INTAKE_KEYS ?? '' }
        : { kind: 'file', path: is.INTAKE_KEY_FILE },
    endpoints: {
      ...(is.SANDBOX_CLOUD_URL === undefined ? {} : { sandbox: is.SANDBOX_CLOUD_URL }),
      ...is.CLOUD_API_URLS,
    },
    platformCredentials:
      is.PLATFORM_CREDENTIALS_FILE === undefined ? {} : readPlatformCredentials(is.PLATFORM_CREDENTIALS_FILE),
    egressAddresses: (is.EGRESS_ADDRESSES ?? '').split(/[\s,]+/).filter(Boolean),
    cacheDir: is.CLAW_CACHE ?? join(cacheHome, 'claw-cloud'),
    agentDir: is.AGENT_DIR,
    nodeName: is.NODE_NAME ?? hostname(),
    workDir: is.PROVISIONER_WORK_DIR ?? join(tmpdir(), `claw-provisioner-${process.getuid?.() ?? 0}`),
    concurrency: is.PROVISIONER_CONCURRENCY,
    operationTimeoutMs: is.OPERATION_TIMEOUT_MS,
    engineTimeoutMs: is.ENGINE_TIMEOUT_MS,
    bootTimeoutMs: is.BOOT_TIMEOUT_MS,
    leaseMs: is.LEASE_MS,
    sweepMs: is.SWEEP_MS,
    straysSweepMs: is.STRAYS_SWEEP_MS,
    shutdownGraceMs: is.SHUTDOWN_GRACE_MS,
    retry: { firstMs: is.RETRY_FIRST_MS, longestMs: is.RETRY_LONGEST_MS, forMs: is.RETRY_FOR_MS },
    stopGraceMs: is.STOP_GRACE_MS,
    path: is.PATH,
  };
}
