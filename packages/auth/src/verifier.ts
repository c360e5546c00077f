import { ProductError } from '@claw-cloud/contracts';
import { verifyToken } from '@clerk/backend';
import { decodeProtectedHeader } from 'jose';

/** Longest session token that is looked at, in characters. Clerk's are about 1 to 4 KB with an organization. */
export const tokenLimitChars = 8192;

export interface VerifierConfig {
  /**
   * The issuer's RSA-2048 public key as PEM; or by key id, where an id that is absent is refused; or a look-up
   * that answers null for an id it doesn't know.
   */
  readonly jwtKey: string | Readonly<Record<string, string>> | ((kid: string) => Promise<string | null>);
  /** The exact `iss` of accepted tokens. */
  readonly issuer: string;
  /** Origins whose pages may hold a session (`azp`); at least one. */
  readonly authorizedParties: readonly string[];
}

/** What a verified session token says. */
export interface SessionClaims {
  readonly sub: string;
  readonly sid: string;
  readonly email: string | null;
}

/** Raises ProductError `unauthenticated`; its cause says why, for a test or a log, and never holds the token. */
export type Verifier = (token: string) => Promise<SessionClaims>;

/**
 * Makes the one verifier of session tokens, for Clerk's and for the local issuer's alike: no network, 5 s of clock
 * skew. `@clerk/backend` checks signature (RS256), `exp`, `nbf`, `iat`, `sub` and `azp`; it doesn't check `iss`,
 * accepts a token without `azp` in places and one whose sign-in is pending (`sts`), so that is checked here.
 */
export function createVerifier(config: VerifierConfig): Verifier {
  // An empty list would make @clerk/backend skip the check altogether.
  if (config.authorizedParties.length === 0)
    throw new TypeError('authorizedParties must name at least one origin');
  if (config.issuer === '') throw new TypeError('issuer must not be empty');
  const parties = [...config.authorizedParties];

  return async (token) => {
    if (token.length === 0 || token.length > tokenLimitChars) throw refused('length');
    const jwtKey = await keyFor(config.jwtKey, token);
    if (jwtKey === null) throw refused('kid');
    const claims = await verifyToken(token, { jwtKey, authorizedParties: parties }).catch(
      (error: unknown) => {
        throw refused(reasonOf(error));
      },
    );
    if (claims.iss !== config.issuer) throw refused('iss');
    if (typeof claims.azp !== 'string' || !parties.includes(claims.azp)) throw refused('azp');
    if (claims.sts === 'pending') throw refused('sts');
    if (!isName(claims.sub)) throw refused('sub');
    if (!isName(claims.sid)) throw refused('sid');
    const email: unknown = claims.email;
    return {
      sub: claims.sub,
      sid: claims.sid,
      email: typeof email === 'string' && email.length <= 254 ? email : null,
    };
  };
}

async function keyFor(jwtKey: VerifierConfig['jwtKey'], token: string): Promise<string | null> {
  if (typeof jwtKey === 'string') return jwtKey;
  let kid: unknown;
  try {
    kid = decodeProtectedHeader(token).kid;
  } catch {
    throw refused('malformed');
  }
  if (!isName(kid)) return null;
  if (typeof jwtKey === 'function') return jwtKey(kid);
  return Object.hasOwn(jwtKey, kid) ? (jwtKey[kid] ?? null) : null;
}

const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= 200;

function reasonOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'reason' in error) return String(error.reason);
  return 'malformed';
}

function refused(reason: string): ProductError {
  return new ProductError(
    'unauthenticated',
    'You are not signed in, or your session has ended.',
    'Sign in again.',
    {
      cause: new Error(reason),
    },
  );
}
