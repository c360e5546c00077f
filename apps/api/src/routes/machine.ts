import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ProductError, RegisterInstance, ReportPhase } from '@claw-cloud/contracts';
import { type MachineContext, registerInstance, reportPhase } from '@claw-cloud/core';
import { hashToken } from '@claw-cloud/crypto/tokens';
import { createRoute, z } from '@hono/zod-openapi';
import { createMiddleware } from 'hono/factory';
import { bearerToken, RefusedWithHeaders } from '../http/owner.ts';
import { plainError } from '../http/problem.ts';
import { tooMany } from '../http/rate-limit.ts';
import { type ApiParts, verbContext } from '../parts.ts';
import { type ApiApp, type ApiEnv, body, createRouter, machineSecurity, problems } from './kit.ts';

const taken = { 204: { description: 'Taken.' }, ...problems };

/** What a booting machine asks: its agent, and with a one-time token to report and to register. */
export function machineRoutes(parts: ApiParts): ApiApp {
  const app = createRouter();
  const limited = createMiddleware<ApiEnv>(async (c, next) => {
    const wait = parts.limiter.take('machine', c.get('clientAddress'));
    if (wait !== null) {
      const { error, headers } = tooMany(wait);
      throw new RefusedWithHeaders(error, headers);
    }
    await next();
  });
  /** From here on only the token's hash exists. */
  const machine = (c: {
    req: { header(name: string): string | undefined };
    get(name: 'requestId'): string;
  }): MachineContext => {
    const token = bearerToken(c.req.header('authorization'));
    if (token === undefined || token.length > 200)
      throw new ProductError(
        'registration_token_invalid',
        'The registration token is absent or not valid.',
        'Deploy the instance again: its machine gets a new token.',
      );
    return { ...verbContext(parts, c.get('requestId')), tokenHash: hashToken(token) };
  };

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/bootstrap/phases',
      operationId: 'reportPhase',
      tags: ['Machines'],
      summary: 'A booting machine says how far it is',
      security: machineSecurity,
      middleware: [limited],
      request: { body: body(ReportPhase) },
      responses: taken,
    }),
    async (c) => {
      await reportPhase(machine(c), c.req.valid('json'));
      return c.body(null, 204);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/bootstrap/register',
      operationId: 'registerInstance',
      tags: ['Machines'],
      summary: 'A machine registers its public keys, once',
      security: machineSecurity,
      middleware: [limited],
      request: { body: body(RegisterInstance) },
      responses: taken,
    }),
    async (c) => {
      await registerInstance(machine(c), c.req.valid('json'));
      return c.body(null, 204);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/agent/{sha256}',
      operationId: 'getAgent',
      tags: ['Machines'],
      summary: 'The agent, by the SHA-256 of its file',
      description: 'Public: whoever fetches it checks the digest.',
      middleware: [limited],
      request: { params: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }) },
      responses: {
        200: { description: 'The file.', content: { 'text/javascript': { schema: z.string() } } },
        ...problems,
      },
    }),
    async (c) => {
      const { agentDir } = parts.config;
      const file = agentDir === null ? null : join(agentDir, `${c.req.valid('param').sha256}.mjs`);
      const found = file === null ? null : await stat(file).catch(() => null);
      if (file === null || !found?.isFile()) throw plainError('not_found');
      const content = c.req.method === 'HEAD' ? null : Readable.toWeb(createReadStream(file));
      return new Response(content as ReadableStream<Uint8Array> | null, {
        headers: {
          'content-type': 'text/javascript; charset=utf-8',
          'content-length': String(found.size),
          'cache-control': 'public, max-age=31536000, immutable',
        },
      }) as never;
    },
  );

  return app;
}
