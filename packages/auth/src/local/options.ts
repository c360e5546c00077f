import { createHash } from 'node:crypto';
import type { BetterAuthOptions } from 'better-auth';
import { jwt, oneTimeToken } from 'better-auth/plugins';
import type { Pool } from 'pg';

/** The header in which the api tells the issuer the address it has seen; whatever a client sends in it is replaced. */
export const clientAddressHeader = 'x-claw-client-address';

/** Seconds a session token lives; clients fetch the next one with their cookie. */
export const sessionTokenSeconds = 60;

/** What is stored of a sign-in link: SHA-256, since the token itself carries 256 random bits. */
export const hashLink = (token: string): string => createHash('sha256').update(token).digest('base64url');

/** The library's settings; everything the product relies on is said here rather than left to a default. */
export function issuerOptions(settings: {
  pool: Pool;
  baseUrl: string;
  secret: string;
  trustedOrigins: readonly string[];
  log: (message: string) => void;
}) {
  const origin = new URL(settings.baseUrl).origin;
  const secure = origin.startsWith('https:');
  return {
    appName: 'Claw Cloud',
    baseURL: origin,
    basePath: '/auth',
    secret: settings.secret,
    database: settings.pool,
    telemetry: { enabled: false },
    trustedOrigins: [...settings.trustedOrigins],
    // The library's own messages may quote what was typed: only their first words go on, and never their objects.
    logger: { level: 'error', log: (_level, message) => settings.log(String(message).slice(0, 120)) },
    emailAndPassword: { enabled: true, minPasswordLength: 10, maxPasswordLength: 200, autoSignIn: true },
    session: { expiresIn: 7 * 24 * 3600, updateAge: 24 * 3600 },
    rateLimit: {
      enabled: true,
      storage: 'memory',
      window: 60,
      max: 120,
      // The limit is per address: an office behind one router signs in within a minute, a guesser doesn't get far.
      customRules: {
        '/sign-in/email': { window: 60, max: 20 },
        '/sign-up/email': { window: 60, max: 20 },
        '/change-password': { window: 60, max: 5 },
        '/one-time-token/verify': { window: 60, max: 20 },
      },
    },
    advanced: {
      cookiePrefix: 'claw',
      useSecureCookies: secure,
      defaultCookieAttributes: { httpOnly: true, sameSite: 'lax', secure, path: '/' },
      // Said aloud because the library turns both off by itself when it believes to be under test.
      disableCSRFCheck: false,
      disableOriginCheck: false,
      ipAddress: { ipAddressHeaders: [clientAddressHeader] },
    },
    plugins: [
      oneTimeToken({
        expiresIn: 10,
        disableClientRequest: true,
        storeToken: { type: 'custom-hasher', hash: async (token) => hashLink(token) },
      }),
      jwt({
        jwks: { keyPairConfig: { alg: 'RS256', modulusLength: 2048 } },
        disableSettingJwtHeader: true,
        jwt: {
          issuer: origin,
          audience: origin,
          expirationTime: `${sessionTokenSeconds}s`,
          // The shape of Clerk's v2 session tokens, so that one verifier serves both.
          definePayload: ({ user, session }) => ({
            azp: origin,
            sid: session.id,
            v: 2,
            sts: 'active',
            email: user.email,
          }),
          getSubject: ({ user }) => user.id,
        },
      }),
    ],
  } satisfies BetterAuthOptions;
}
