import { z } from 'zod';
import { createCookieJar } from './cookie-jar.ts';
import { createEmitter } from './emitter.ts';
import { isProblem, misshapen, problemOf, unreachable } from './problem.ts';

/** How a person is signed in: what the rest of a client knows of the issuer, whichever it is. */
export interface Session {
  /**
   * A session token good for at least the next 15 s. Raises ProblemError `unauthenticated` when nobody is
   * signed in, `unavailable` when the issuer can't be reached.
   */
  getToken(options?: { fresh?: boolean }): Promise<string>;
  signOut(): Promise<void>;
  /** Told when a person has signed in (true) or out (false) through this session. */
  onChange(listener: (signedIn: boolean) => void): () => void;
}

export interface LocalSession extends Session {
  signUp(input: { email: string; password: string }): Promise<void>;
  signIn(input: { email: string; password: string }): Promise<void>;
  /** Exchanges the token of a one-time sign-in link. */
  followLink(token: string): Promise<void>;
  /** Whether a session of before is still good. Raises ProblemError `unavailable`. */
  restore(): Promise<boolean>;
}

export interface LocalSessionOptions {
  /** Where the api answers, without a trailing slash; '' is the page's own origin (browsers only). */
  readonly baseUrl: string;
  /**
   * `browser` leaves the session cookie to the browser; `jar` keeps it in memory, for runtimes whose fetch
   * keeps none. @default by whether there is a document
   */
  readonly cookies?: 'browser' | 'jar';
  readonly fetch?: typeof fetch;
  readonly now?: () => number;
  /** @default 15000 */
  readonly timeoutMs?: number;
}

/** A token is replaced this long before it ends (they live 60 s), so that it lasts for a request. */
const REFRESH_BEFORE_MS = 15_000;

const TokenAnswer = z.object({ token: z.string().min(1) });
const Claims = z.object({ exp: z.number(), iat: z.number().optional() });

/** A session with the control plane's own issuer: e-mail and password, or a one-time link. */
export function createLocalSession(options: LocalSessionOptions): LocalSession {
  const { baseUrl, now = Date.now, timeoutMs = 15_000 } = options;
  const fetchFn = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const inBrowser = options.cookies ? options.cookies === 'browser' : 'document' in globalThis;
  const jar = inBrowser ? undefined : createCookieJar(now);
  const changed = createEmitter<boolean>();
  let held: { token: string; goodUntil: number } | undefined;
  let asking: Promise<string> | undefined;
  // Counts sign-ins and sign-outs: a token that was asked for before one of them is not kept after it.
  let era = 0;

  const call = async (method: 'GET' | 'POST', path: string, body?: unknown): Promise<Response> => {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (jar) {
      // The issuer refuses what comes from another page; outside browsers the origin must be said.
      headers.origin = new URL(baseUrl).origin;
      const cookie = jar.header();
      if (cookie !== undefined) headers.cookie = cookie;
    }
    const response = await fetchFn(`${baseUrl}/auth${path}`, {
      method,
      headers,
      credentials: 'same-origin',
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      throw unreachable(error);
    });
    jar?.take(response.headers);
    if (!response.ok) throw await problemOf(response);
    return response;
  };

  const ask = async (): Promise<string> => {
    const mine = era;
    const askedAt = now();
    const response = await call('GET', '/token');
    const parsed = TokenAnswer.safeParse(await response.json().catch(() => undefined));
    if (!parsed.success) throw misshapen(parsed.error, response.headers.get('x-request-id'));
    const { token } = parsed.data;
    if (mine === era) held = { token, goodUntil: askedAt + lifetimeMs(token) - REFRESH_BEFORE_MS };
    return token;
  };

  const enter = async (path: string, body: unknown): Promise<void> => {
    era += 1;
    held = undefined;
    await call('POST', path, body);
    await getToken({ fresh: true });
    changed.emit(true);
  };

  const getToken = ({ fresh = false }: { fresh?: boolean } = {}): Promise<string> => {
    if (!fresh && held && now() < held.goodUntil) return Promise.resolve(held.token);
    const mine = era;
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    // What was asked for under the account of before is of no use to the one of now.
    return asking.then((token) => (mine === era ? token : getToken()));
  };

  return {
    getToken,
    signUp: ({ email, password }) =>
      enter('/sign-up/email', { email, password, name: email.split('@')[0] || email }),
    signIn: ({ email, password }) => enter('/sign-in/email', { email, password }),
    followLink: (token) => enter('/one-time-token/verify', { token }),
    async restore() {
      try {
        await getToken();
        return true;
      } catch (error) {
        if (isProblem(error, 'unauthenticated')) return false;
        throw error;
      }
    },
    async signOut() {
      era += 1;
      held = undefined;
      // A session the issuer has already forgotten is one that has ended, as was asked.
      await call('POST', '/sign-out', {}).catch((error: unknown) => {
        if (!isProblem(error, 'unauthenticated')) throw error;
      });
      jar?.clear();
      changed.emit(false);
    },
    onChange: changed.on,
  };
}

/**
 * How long a token is good for, from its own two times: what this device's clock says of the day doesn't
 * matter. 60 s where it doesn't say.
 */
function lifetimeMs(token: string): number {
  try {
    const body = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    const claims = Claims.parse(JSON.parse(atob(body)));
    return claims.iat === undefined ? 60_000 : (claims.exp - claims.iat) * 1000;
  } catch {
    return 60_000;
  }
}
