import { createHash, timingSafeEqual } from 'node:crypto';
import { ProductError } from '@claw-cloud/contracts';
import { createRoute, z } from '@hono/zod-openapi';
import { bearerToken, RefusedWithHeaders } from '../http/owner.ts';
import { tooMany } from '../http/rate-limit.ts';
import type { ApiParts } from '../parts.ts';
import { type ApiApp, answer, body, createRouter, problems } from './kit.ts';

const SignInLink = z.object({ token: z.string(), url: z.string(), expiresAt: z.iso.datetime() });

/** The local issuer under /auth, and the operator's way to a sign-in link. Nothing of it exists with Clerk. */
export function signInRoutes(parts: ApiParts): ApiApp {
  const app = createRouter();
  const { issuer, limiter, config } = parts;
  if (!issuer || config.auth.kind !== 'local') return app;

  const limit = (address: string) => {
    const wait = limiter.take('signIn', address);
    if (wait === null) return;
    const { error, headers } = tooMany(wait);
    throw new RefusedWithHeaders(error, headers);
  };

  app.all('/auth/*', (c) => {
    if (c.req.method === 'POST') limit(c.get('clientAddress'));
    return issuer.handler(c.req.raw, {
      clientAddress: c.get('clientAddress'),
      requestId: c.get('requestId'),
    });
  });

  const { operatorToken } = config.auth;
  if (operatorToken === null) return app;
  const expected = digest(operatorToken);

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/local/sign-in-links',
      operationId: 'createSignInLink',
      tags: ['Operator'],
      summary: 'Makes a link that signs in once, within 10 minutes',
      description:
        'For the operator of an installation with local accounts, e.g. its launcher. Exists only where LOCAL_OPERATOR_TOKEN is set. Makes the account when it is absent.',
      security: [{ operator: [] }],
      request: { body: body(z.object({ email: z.email().max(254) })) },
      responses: {
        201: answer(SignInLink, 'The link, and the token POST /auth/one-time-token/verify takes.'),
        ...problems,
      },
      middleware: [
        async (c, next) => {
          limit(c.get('clientAddress'));
          // Digests have one length, so that the comparison takes the same time for every guess.
          if (!timingSafeEqual(digest(bearerToken(c.req.header('authorization')) ?? ''), expected))
            throw new ProductError(
              'unauthenticated',
              'The operator token is absent or wrong.',
              'Send the value of LOCAL_OPERATOR_TOKEN.',
            );
          await next();
        },
      ],
    }),
    async (c) => {
      const { token, url, expiresAt } = await issuer.createSignInLink(c.req.valid('json').email);
      return c.json({ token, url, expiresAt: expiresAt.toISOString() }, 201);
    },
  );
  return app;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
