import { AsyncLocalStorage } from 'node:async_hooks';
import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import postgres from 'postgres';
import type { Keys } from './keys.ts';

export interface EndpointOptions {
  /** Superuser's connection to the product's database. */
  readonly postgresUrl: string;
  readonly keys: Keys;
  /** The port to use if it is free; 0 for any. */
  readonly port: number;
  readonly log: (line: string) => void;
}

export interface Endpoint {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Loads the code of the endpoint, which takes a third of a second: worth doing while Postgres starts. On loading it
 * puts a function of its own in the place of process.emitWarning, one that throws when a warning is an Error: the
 * original goes back.
 */
export async function loadEndpoint() {
  const { emitWarning } = process;
  try {
    const { App } = await import('@supabase/lite');
    const { createPostgresConnection } = await import('@supabase/lite/postgres');
    return { App, createPostgresConnection };
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Serves the product's tables on loopback in the way of Supabase: PostgREST's protocol alone. */
export async function serveEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const { App, createPostgresConnection } = await loadEndpoint();
  const connection = createPostgresConnection({
    url: options.postgresUrl,
    postgresOptions: {
      max: 12,
      connect_timeout: 10,
      onnotice: () => {},
      // The endpoint turns a function's JSON arguments into text itself; encoded once more they would arrive as strings.
      types: {
        json: { to: 114, from: [114], serialize: toJson, parse: JSON.parse },
        jsonb: { to: 3802, from: [3802], serialize: toJson, parse: JSON.parse },
      },
    },
  });
  const app = new App({
    connection,
    api: { schemas: ['public'] },
    auth: {
      enabled: false,
      jwt_secret: options.keys.jwtSecret,
      publishable_key: options.keys.publishableKey,
      secret_key: options.keys.secretKey,
    },
    storage: { enabled: false },
    // admin would make every keyless request from loopback the service role.
    options: { server: { admin: false, disableStudio: true } },
  });
  const quietly = withinEndpoint(options.log);
  // The first request reads the schema and grants on the tables: it must come before the others, and alone.
  await quietly(() =>
    app.fetch(
      new Request('http://localhost/rest/v1/owners?limit=1', { headers: { apikey: options.keys.secretKey } }),
    ),
  );
  const server = createAdaptorServer({
    fetch: (request, env) =>
      quietly(() => app.fetch(request, { peerAddress: env?.incoming?.socket?.remoteAddress ?? null })),
  }) as Server;
  const port = await listen(server, options.port).catch(() => listen(server, 0));
  return {
    port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      // Requests under way may finish; a client that holds its connection open may not hold us.
      const force = setTimeout(() => server.closeAllConnections(), 2000);
      await closed;
      clearTimeout(force);
      // It waits for statements under way without an end, and one whose caller is gone may wait for a lock as long.
      const ended = Promise.resolve(connection.close()).catch(() => undefined);
      const late = await Promise.race([ended, delay(statementsGraceMs, 'late', { ref: false })]);
      if (late !== 'late') return;
      await cancelStatements(options.postgresUrl);
      await Promise.race([ended, delay(statementsGraceMs, undefined, { ref: false })]);
    },
  };
}

const statementsGraceMs = 3_000;

/** Ends what the database is doing, connections aside: their owners see an error and end them in order. */
async function cancelStatements(postgresUrl: string): Promise<void> {
  const sql = postgres(postgresUrl, { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    await sql`select pg_cancel_backend(pid) from pg_stat_activity
      where datname = current_database() and state = 'active' and pid <> pg_backend_pid()`;
  } catch {
    // Postgres is stopped next in any case.
  } finally {
    await sql.end({ timeout: 1 });
  }
}

const toJson = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port }, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}

const inside = new AsyncLocalStorage<(line: string) => void>();
let wrapped = false;

/**
 * The endpoint prints every database error with its parameters and details to the console. Within its requests the
 * console prints the error's class alone; everybody else's console stays as it is.
 */
function withinEndpoint(log: (line: string) => void): <T>(work: () => T) => T {
  if (!wrapped) {
    wrapped = true;
    for (const method of ['error', 'warn', 'log'] as const) {
      const original = console[method].bind(console);
      console[method] = (...values: unknown[]): void => {
        const report = inside.getStore();
        // Outside, or a report that prints would come back here.
        if (report) inside.exit(() => report(`data endpoint: ${describe(values[0])}`));
        else original(...values);
      };
    }
  }
  return (work) => inside.run(log, work);
}

function describe(value: unknown): string {
  if (!(value instanceof Error)) return 'a message that is not shown, it may hold values';
  const code = (value as Error & { code?: unknown }).code;
  return `${value.name}${typeof code === 'string' && /^[A-Z0-9]{3,10}$/.test(code) ? ` ${code}` : ''}`;
}
