import { randomBytes } from 'node:crypto';
import { ProductError } from '@claw-cloud/contracts';
import { betterAuth } from 'better-auth';
import { exportSPKI, importJWK } from 'jose';
import pg from 'pg';
import { z } from 'zod';
import { migrate } from './migrate.ts';
import { clientAddressHeader, hashLink, issuerOptions } from './options.ts';
import { localPaths } from './paths.ts';
import { asProblem, withoutSessionTokens } from './responses.ts';

export interface LocalIssuerConfig {
  /** A Postgres of which the issuer uses the schema `local_auth` alone. */
  readonly databaseUrl: string;
  /** Where browsers reach the api, e.g. https://cloud.example: issuer and authorized party of the tokens. */
  readonly baseUrl: string;
  /** Encrypts the signing key in the database and signs cookies; 32 characters or more. */
  readonly secret: string;
  /** Further origins whose pages may sign in. @default none */
  readonly trustedOrigins?: readonly string[];
  /** Hears troubles of the issuer, in one line without what a person typed. @default nothing */
  readonly log?: (message: string) => void;
  readonly now?: () => number;
}

export interface SignInLink {
  /** Single-use; exchanged at POST /auth/one-time-token/verify {token}. */
  readonly token: string;
  /** Opens the dashboard, which exchanges the token: it stands in the fragment, which browsers don't send. */
  readonly url: string;
  readonly expiresAt: Date;
}

export interface LocalIssuer {
  /** The `iss` of its tokens. */
  readonly issuer: string;
  /** Answers /auth/*; errors are problem details. `clientAddress` is what rate limits count by. */
  handler(request: Request, from: { clientAddress: string; requestId: string }): Promise<Response>;
  /** The public key of a key id as PEM, for the verifier; null when there is no such key. */
  verificationKey(kid: string): Promise<string | null>;
  /** A link that signs in once within 10 minutes; makes the account (without a password) when it is absent. */
  createSignInLink(email: string): Promise<SignInLink>;
  close(): Promise<void>;
}

const linkMinutes = 10;
/** A token with an unknown key id makes the keys be read again, at most this often: it may be a guess. */
const keyRefreshMs = 5_000;
const Email = z.email().max(254);

/**
 * Starts the built-in issuer of accounts: e-mail and password on Postgres, no mail, RS256 session tokens in the shape
 * of Clerk's. Runs its migrations. Rejects when the database can't be reached.
 */
export async function createLocalIssuer(config: LocalIssuerConfig): Promise<LocalIssuer> {
  const { now = Date.now, log = () => undefined } = config;
  const origin = new URL(config.baseUrl).origin;
  const pool = new pg.Pool({
    connectionString: config.databaseUrl,
    options: '-c search_path=local_auth',
    max: 5,
    connectionTimeoutMillis: 10_000,
    query_timeout: 10_000,
    allowExitOnIdle: true,
  });
  // Without a listener a connection that the server ends would end this process.
  pool.on('error', () => log('The connection to the account database was lost.'));
  const options = issuerOptions({
    pool,
    baseUrl: origin,
    secret: config.secret,
    trustedOrigins: [origin, ...(config.trustedOrigins ?? [])],
    log,
  });
  const auth = betterAuth(options);
  const trusted = new Set(options.trustedOrigins);
  const keys = new Map<string, string>();
  let keysReadAt = Number.NEGATIVE_INFINITY;

  const readKeys = async () => {
    keysReadAt = now();
    const { keys: published } = await auth.api.getJwks();
    for (const jwk of published) {
      const key = await importJWK(jwk, 'RS256');
      if (!(key instanceof Uint8Array) && jwk.kid) keys.set(jwk.kid, await exportSPKI(key));
    }
  };

  try {
    await migrate(pool, options);
    await readKeys();
  } catch (error) {
    await pool.end();
    throw error;
  }

  return {
    issuer: origin,

    async handler(request, { clientAddress, requestId }) {
      const { pathname } = new URL(request.url);
      const method = Object.hasOwn(localPaths, pathname) ? localPaths[pathname] : undefined;
      if (method === undefined)
        throw new ProductError('not_found', 'There is nothing at this address.', 'Check the address.');
      if (method !== request.method)
        throw new ProductError(
          'method_not_allowed',
          `${pathname} takes ${method} alone.`,
          `Send a ${method} request.`,
        );
      const from = request.headers.get('origin');
      if (method === 'POST' && from !== null && !trusted.has(from))
        throw new ProductError(
          'forbidden',
          'Sign-in from this page is not allowed.',
          `Open the dashboard at ${origin} and sign in there.`,
        );
      const headers = new Headers(request.headers);
      headers.set(clientAddressHeader, clientAddress);
      // Built from its parts: the server hands in an object that only looks like a Request.
      const body = method === 'POST' ? await request.arrayBuffer() : null;
      const answer = await auth.handler(new Request(request.url, { method, headers, body }));
      if (!answer.ok) return asProblem(answer, { requestId, origin });
      return pathname === '/auth/token' || pathname === '/auth/jwks' ? answer : withoutSessionTokens(answer);
    },

    async verificationKey(kid) {
      if (!keys.has(kid) && now() - keysReadAt >= keyRefreshMs) await readKeys();
      return keys.get(kid) ?? null;
    },

    async createSignInLink(email) {
      const address = Email.safeParse(email);
      if (!address.success)
        throw new ProductError(
          'invalid_request',
          'That is not an e-mail address.',
          'Give an address like you@example.com.',
        );
      const { internalAdapter } = await auth.$context;
      const normalized = address.data.toLowerCase();
      const found = await internalAdapter.findUserByEmail(normalized);
      const user =
        found?.user ??
        (await internalAdapter.createUser(
          { email: normalized, name: normalized.split('@')[0] ?? normalized, emailVerified: false },
          { method: 'sign-in-link' },
        ));
      const session = await internalAdapter.createSession(user.id);
      const token = randomBytes(32).toString('base64url');
      const expiresAt = new Date(now() + linkMinutes * 60_000);
      await internalAdapter.createVerificationValue({
        // The form in which the one-time-token plugin looks it up.
        identifier: `one-time-token:${hashLink(token)}`,
        value: session.token,
        expiresAt,
      });
      return { token, url: `${origin}/#/sign-in?link=${token}`, expiresAt };
    },

    close: () => pool.end(),
  };
}
