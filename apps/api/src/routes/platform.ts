import { setTimeout as sleep } from 'node:timers/promises';
import { AuditEvent, IntakeKey, Me, ProductError, PublicConfig } from '@claw-cloud/contracts';
import { getIntakeKey, listAuditEvents } from '@claw-cloud/core';
import { createRoute, z } from '@hono/zod-openapi';
import type { OwnerGate } from '../http/owner.ts';
import { offeredClouds } from '../offered-clouds.ts';
import type { ApiParts } from '../parts.ts';
import { version } from '../version.ts';
import { type ApiApp, answer, createRouter, listOf, ownersOnly, problems, sessionSecurity } from './kit.ts';

/** Whoever asks for health wants to know now. */
const healthLimitMs = 2_000;

const tooSlow = async (): Promise<never> => {
  await sleep(healthLimitMs);
  throw new ProductError('unavailable', 'The database does not answer.', 'Try again in a moment.');
};

/** What concerns the platform as a whole: configuration, the signed-in person, the intake key, the audit log. */
export function platformRoutes(parts: ApiParts, gate: OwnerGate): ApiApp {
  const { config, db } = parts;
  const app = createRouter();
  const owner = { security: sessionSecurity, middleware: [ownersOnly(gate)] };

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/config',
      operationId: 'getConfig',
      tags: ['Platform'],
      summary: 'What a client must know before it signs in',
      responses: { 200: answer(PublicConfig, 'How to sign in, and which clouds there are.'), ...problems },
    }),
    (c) =>
      c.json(
        {
          auth:
            config.auth.kind === 'clerk'
              ? { kind: 'clerk' as const, publishableKey: config.auth.publishableKey }
              : { kind: 'local' as const },
          providers: offeredClouds(config).map(({ id, name, sandbox }) => ({ id, name, sandbox })),
          version,
        },
        200,
      ),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/me',
      operationId: 'getMe',
      tags: ['Platform'],
      summary: 'Who is signed in',
      ...owner,
      responses: { 200: answer(Me, 'The owner.'), ...problems },
    }),
    (c) => {
      const { ownerId, email } = c.get('owner').actor;
      return c.json({ ownerId, email: email ?? null }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/intake-key',
      operationId: 'getIntakeKey',
      tags: ['Platform'],
      summary: 'The key that secrets are sealed for',
      description:
        'The public key of the provisioner (X25519, libsodium sealed box). The api can not open what is sealed.',
      ...owner,
      responses: { 200: answer(IntakeKey, 'The newest key.'), ...problems },
    }),
    async (c) => c.json(await getIntakeKey(c.get('owner')), 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/audit-events',
      operationId: 'listAuditEvents',
      tags: ['Platform'],
      summary: 'What was done in your name, newest first',
      ...owner,
      request: {
        query: z.object({
          limit: z.coerce.number().int().min(1).max(200).optional(),
          before: z.string().max(64).optional(),
        }),
      },
      responses: { 200: answer(listOf(AuditEvent), 'At most `limit` events (50 when absent).'), ...problems },
    }),
    async (c) => c.json({ items: await listAuditEvents(c.get('owner'), c.req.valid('query')) }, 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/healthz',
      operationId: 'getHealth',
      tags: ['Platform'],
      summary: 'Whether this process can serve',
      responses: {
        200: answer(z.object({ status: z.literal('ok') }), 'It reaches its database.'),
        ...problems,
      },
    }),
    async (c) => {
      await Promise.race([db.ping(), tooSlow()]);
      return c.json({ status: 'ok' as const }, 200);
    },
  );

  return app;
}
