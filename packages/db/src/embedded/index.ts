import { mkdir } from 'node:fs/promises';
import postgres from 'postgres';
import { postgresAccount } from './account.ts';
import { binaries } from './binaries.ts';
import { loadEndpoint, serveEndpoint } from './endpoint.ts';
import { type Keys, keysIn } from './keys.ts';
import { migrate } from './migrate.ts';
import { placeFor } from './place.ts';
import { rememberedPorts, rememberPorts } from './ports.ts';
import { runPostgres } from './postgres.ts';
import type { EmbeddedDatabase, EmbeddedOptions } from './types.ts';

export { removeEmbedded } from './remove.ts';
export type { EmbeddedDatabase, EmbeddedOptions } from './types.ts';

const productDatabase = 'claw';
const neighbours = ['pulumi', 'queue', 'auth'] as const;

/**
 * Starts the embedded Postgres and its data endpoint on loopback, or takes over a Postgres that a killed process left
 * running; applies the migrations. Cold about 2.5 s, warm below a second.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const log = options.log ?? (() => {});
  const loading = loadEndpoint();
  loading.catch(() => {});
  const account = await postgresAccount();
  const place = await placeFor(options.dir, account);
  await mkdir(options.dir, { recursive: true });
  const keys = await keysIn(options.dir);
  const remembered = await rememberedPorts(options.dir);
  const server = await runPostgres({
    root: await binaries(place, account),
    place,
    account,
    password: keys.passwords.postgres,
    port: options.ports?.postgres ?? remembered.postgres,
    durable: options.durable ?? true,
  });
  const address = (role: string, password: string, name: string): string =>
    `postgres://${role}:${password}@127.0.0.1:${server.port}/${name}`;
  const postgresUrl: EmbeddedDatabase['postgresUrl'] = (name) =>
    name === 'claw'
      ? address('postgres', keys.passwords.postgres, name)
      : address(name, keys.passwords[name], name);
  try {
    await prepare(address('postgres', keys.passwords.postgres, 'postgres'), keys);
    const sql = postgres(postgresUrl(productDatabase), { max: 1, connect_timeout: 10, onnotice: () => {} });
    const applied = await migrate(sql).finally(() => sql.end({ timeout: 5 }));
    if (applied.length > 0) log(`applied the migrations ${applied.join(', ')}`);
    const port = options.ports?.data ?? remembered.data;
    const endpoint = await serveEndpoint({ postgresUrl: postgresUrl(productDatabase), keys, port, log });
    await rememberPorts(options.dir, { postgres: server.port, data: endpoint.port });
    let stopped: Promise<void> | undefined;
    return {
      url: `http://127.0.0.1:${endpoint.port}`,
      secretKey: keys.secretKey,
      publishableKey: keys.publishableKey,
      jwtSecret: keys.jwtSecret,
      postgresUrl,
      adopted: server.adopted,
      stop: () => {
        // First the pool, then Postgres: the other way round the pool's connections raise errors.
        stopped ??= endpoint.close().then(() => server.stop());
        return stopped;
      },
    };
  } catch (error) {
    await server.stop().catch(() => {});
    throw error;
  }
}

/**
 * Makes the databases. The engine's state, the queue and the local sign-in each belong to a role of their own that can't
 * connect to any other: who reads one of them reads nothing else.
 */
async function prepare(url: string, keys: Keys): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: 10, onnotice: () => {} });
  try {
    const rows = await sql<{ datname: string }[]>`select datname from pg_database`;
    const present = new Set(rows.map((row) => row.datname));
    for (const name of neighbours) {
      if (present.has(name)) continue;
      // A role without its database is what a kill in between leaves. Passwords are base64url: nothing to escape.
      await sql.unsafe(`drop role if exists ${name}`);
      await sql.unsafe(`create role ${name} login password '${keys.passwords[name]}'`);
      await sql.unsafe(`create database ${name} owner ${name}`);
      await sql.unsafe(`revoke all on database ${name} from public`);
    }
    if (!present.has(productDatabase)) {
      await sql.unsafe(`create database ${productDatabase}`);
      await sql.unsafe(`revoke all on database ${productDatabase} from public`);
      await sql.unsafe('revoke connect on database postgres from public');
    }
  } finally {
    await sql.end({ timeout: 5 });
  }
}
