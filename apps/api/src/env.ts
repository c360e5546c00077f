import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { ApiConfig, AuthConfig } from './config.ts';

const port = z.coerce.number().int().min(0).max(65535);
const httpUrl = z.url({ protocol: /^https?$/ });
const postgresUrl = z.url({ protocol: /^postgres(ql)?$/ });
const redisUrl = z.url({ protocol: /^rediss?$/ });

const words = z
  .string()
  .max(2000)
  .transform((text) => text.split(/[\s,]+/).filter(Boolean));
const addresses = words.pipe(z.array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()])).max(50));
const facts = words
  .pipe(z.array(z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,39}=\S{1,200}$/)).max(20))
  .transform((lines) => Object.fromEntries(lines.map((line) => line.split(/=(.*)/s, 2) as [string, string])));

/** What to set, said after the name of the variable that is wrong or absent. */
const advice = {
  PORT: 'a port number; 0 takes a free one',
  HOST: 'the address to listen on, e.g. 127.0.0.1',
  PUBLIC_URL: 'the origin under which browsers and instances reach the api, e.g. https://cloud.example',
  MACHINE_URL: 'the origin under which instances reach the api, where it is not PUBLIC_URL',
  SUPABASE_URL: 'the URL of the Supabase project, or of its embedded stand-in',
  SUPABASE_SECRET_KEY: "the project's secret key (sb_secret_…)",
  SUPABASE_PUBLISHABLE_KEY: "the project's publishable key (sb_publishable_…)",
  SUPABASE_JWT_SECRET: "the project's JWT secret, 32 characters or more",
  QUEUE_DATABASE_URL: 'postgres://… of the queue, or set REDIS_URL instead',
  REDIS_URL: 'redis://… of the queue, or set QUEUE_DATABASE_URL instead',
  AUTH_KIND: '"local" for accounts of this installation, or "clerk"',
  AUTH_DATABASE_URL: 'postgres://… where local accounts are kept (AUTH_KIND=local)',
  AUTH_SECRET: '32 random characters or more, e.g. from: openssl rand -base64 32 (AUTH_KIND=local)',
  LOCAL_OPERATOR_TOKEN: '32 random characters or more, or leave it away',
  CLERK_JWT_KEY: "the PEM public key of Clerk's dashboard, API keys, JWT public key (AUTH_KIND=clerk)",
  CLERK_ISSUER: 'the Frontend API URL of Clerk, e.g. https://clerk.cloud.example (AUTH_KIND=clerk)',
  CLERK_PUBLISHABLE_KEY: 'the publishable key of Clerk, pk_… (AUTH_KIND=clerk)',
  AUTHORIZED_PARTIES: 'origins divided by commas, e.g. https://cloud.example,https://www.cloud.example',
  AGENT_DIR: 'the folder with the agent bundles',
  WEB_DIR: 'the folder with the built dashboard',
  NODE_NAME: 'a name for this process, up to 100 of letters, digits and . : _ -',
  SANDBOX: '1 or 0',
  EGRESS_ADDRESSES: 'the addresses that the provisioner calls clouds from, divided by blanks',
  CLOUD_FACTS: 'what the guides of clouds leave open, as name=value, divided by blanks',
  TRUSTED_PROXY_HOPS: 'how many reverse proxies of yours stand in front, 0 to 5',
} as const;
type Name = keyof typeof advice;

/** A wrong environment: `message` has one line per variable, with what to set it to and never its value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads the api's configuration once. Raises {@link ConfigError} naming every variable that is wrong. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): ApiConfig {
  const wrong: string[] = [];
  const text = (name: Name): string | undefined => env[name]?.trim() || undefined;
  const complain = (name: Name, what: string) => {
    wrong.push(`${name} ${what}. Set it to ${advice[name]}.`);
  };
  const read = <T extends z.ZodType>(name: Name, schema: T, fallback?: string): z.output<T> => {
    const value = text(name) ?? fallback;
    if (value === undefined) complain(name, 'is not set');
    const parsed = schema.safeParse(value ?? '');
    if (!parsed.success && value !== undefined) complain(name, 'is not valid');
    // With a complaint noted the value is never used: the error below is raised first.
    return parsed.data as z.output<T>;
  };
  const optional = <T extends z.ZodType>(name: Name, schema: T): z.output<T> | null =>
    text(name) === undefined ? null : read(name, schema);

  const origin = httpUrl.transform((url) => new URL(url).origin);
  const publicUrl = read('PUBLIC_URL', origin);
  const machineUrl = optional('MACHINE_URL', origin);
  const listenPort = read('PORT', port, '4600');
  const origins = z
    .string()
    .transform((list) => list.split(',').map((origin) => origin.trim()))
    .pipe(z.array(origin).min(1).max(20));

  const redis = optional('REDIS_URL', redisUrl);
  const queue = redis
    ? ({ kind: 'redis', url: redis } as const)
    : ({ kind: 'postgres', url: read('QUEUE_DATABASE_URL', postgresUrl) } as const);

  const kind = read('AUTH_KIND', z.enum(['local', 'clerk']), 'local');
  const auth: AuthConfig =
    kind === 'clerk'
      ? {
          kind,
          // A PEM in one line, as deploy tools like to keep it, is unfolded.
          jwtKey: read(
            'CLERK_JWT_KEY',
            z
              .string()
              .transform((pem) => pem.replaceAll('\\n', '\n'))
              .pipe(z.string().regex(/^-----BEGIN PUBLIC KEY-----/)),
          ),
          issuer: read(
            'CLERK_ISSUER',
            httpUrl.transform((url) => url.replace(/\/$/, '')),
          ),
          publishableKey: read('CLERK_PUBLISHABLE_KEY', z.string().regex(/^pk_(test|live)_/)),
        }
      : {
          kind: 'local',
          databaseUrl: read('AUTH_DATABASE_URL', postgresUrl),
          secret: read('AUTH_SECRET', z.string().min(32)),
          operatorToken: optional('LOCAL_OPERATOR_TOKEN', z.string().min(32).max(200)),
        };

  const agentDir = text('AGENT_DIR');
  const webDir = text('WEB_DIR');
  const config: ApiConfig = {
    host: read('HOST', z.string().max(255), '127.0.0.1'),
    port: listenPort,
    publicUrl,
    ...(machineUrl === null ? {} : { machineUrl }),
    database: {
      url: read('SUPABASE_URL', httpUrl),
      secretKey: read('SUPABASE_SECRET_KEY', z.string().min(10)),
      publishableKey: read('SUPABASE_PUBLISHABLE_KEY', z.string().min(10)),
      jwtSecret: read('SUPABASE_JWT_SECRET', z.string().min(32)),
    },
    queue,
    auth,
    authorizedParties: [...new Set([publicUrl, ...(optional('AUTHORIZED_PARTIES', origins) ?? [])])],
    agentDir: agentDir ? resolve(agentDir) : null,
    webDir: webDir ? resolve(webDir) : null,
    nodeName: read('NODE_NAME', z.string().regex(/^[A-Za-z0-9.:_-]{1,100}$/), `${hostname()}:${listenPort}`),
    sandbox: read('SANDBOX', z.enum(['0', '1']), '0') === '1',
    egressAddresses: optional('EGRESS_ADDRESSES', addresses) ?? [],
    cloudFacts: optional('CLOUD_FACTS', facts) ?? {},
    trustedProxyHops: read('TRUSTED_PROXY_HOPS', z.coerce.number().int().min(0).max(5), '0'),
  };
  if (wrong.length > 0) throw new ConfigError(wrong.join('\n'));
  return config;
}
