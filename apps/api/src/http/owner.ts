import type { SessionClaims } from '@claw-cloud/auth';
import { ProductError } from '@claw-cloud/contracts';
import { ensureOwner, type OwnerContext } from '@claw-cloud/core';
import { type ApiParts, verbContext } from '../parts.ts';
import { tooMany } from './rate-limit.ts';

/** How long an owner's row is taken for granted, and of how many owners that is remembered. */
const ensuredMs = 10 * 60_000;
const ensuredMax = 10_000;

/** An error with headers of its own, e.g. Retry-After. */
export class RefusedWithHeaders extends Error {
  readonly error: ProductError;
  readonly headers: Record<string, string>;
  constructor(error: ProductError, headers: Record<string, string>) {
    super(error.message);
    this.error = error;
    this.headers = headers;
  }
}

export type OwnerGate = (token: string | undefined, requestId: string) => Promise<OwnerContext>;

/**
 * Turns a session token into the context of its owner's verbs: verifies it, counts it against the owner's limit, and
 * makes the owner's row when it is new. Raises `unauthenticated`, `rate_limited`.
 */
export function createOwnerGate(parts: ApiParts): OwnerGate {
  const ensured = new Map<string, number>();
  return async (token, requestId) => {
    if (token === undefined || token === '')
      throw new ProductError(
        'unauthenticated',
        'You are not signed in.',
        'Sign in, and send the session token.',
      );
    const claims = await parts.verify(token);
    const wait = parts.limiter.take('owner', claims.sub);
    if (wait !== null) {
      const { error, headers } = tooMany(wait);
      throw new RefusedWithHeaders(error, headers);
    }
    const context = { ...verbContext(parts, requestId), actor: actorOf(claims) };
    const key = `${claims.sub}\n${claims.email ?? ''}`;
    const now = parts.now().getTime();
    if (now - (ensured.get(key) ?? Number.NEGATIVE_INFINITY) > ensuredMs) {
      await ensureOwner(context);
      if (ensured.size >= ensuredMax) ensured.clear();
      ensured.set(key, now);
    }
    return context;
  };
}

const actorOf = ({ sub, email }: SessionClaims): OwnerContext['actor'] => ({ ownerId: sub, email });

/** The token of an Authorization header of the Bearer scheme (RFC 6750). */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer ([\x21-\x7e]+)$/i.exec(header ?? '')?.[1];
}
