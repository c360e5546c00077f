import { type ErrorCode, ProductError } from '@claw-cloud/contracts';
import { readEvents } from '@claw-cloud/core';
import { bodyLimit } from 'hono/body-limit';
import { routePath } from 'hono/route';
import { createEventFeeds } from './events/feeds.ts';
import { allowedMethods } from './http/allowed-methods.ts';
import { clientAddress } from './http/client-address.ts';
import { type OwnerGate, RefusedWithHeaders } from './http/owner.ts';
import { plainError, problemResponse, toProductError } from './http/problem.ts';
import { tooMany } from './http/rate-limit.ts';
import { requestId } from './http/request-id.ts';
import { securityHeaders } from './http/security-headers.ts';
import { describeError } from './log.ts';
import { describeApi, openApiDocument } from './openapi/document.ts';
import type { ApiParts } from './parts.ts';
import { cloudRoutes } from './routes/clouds.ts';
import { credentialRoutes } from './routes/credentials.ts';
import { dashboardRoutes } from './routes/dashboard.ts';
import { docsRoutes } from './routes/docs.ts';
import { eventRoutes } from './routes/events.ts';
import { instanceRoutes } from './routes/instances.ts';
import { type ApiApp, createRouter } from './routes/kit.ts';
import { machineRoutes } from './routes/machine.ts';
import { platformRoutes } from './routes/platform.ts';
import { serverOperationRoutes } from './routes/server-operations.ts';
import { serverRoutes } from './routes/servers.ts';
import { signInRoutes } from './routes/sign-in.ts';
import type { Tunnels } from './tunnel/tunnels.ts';

const bodyLimitBytes = 256 * 1024;
/** What an error's answer says besides. A body that wasn't read to its end leaves a connection nobody can reuse. */
const headersOf: Partial<Record<ErrorCode, Record<string, string>>> = {
  unauthenticated: { 'www-authenticate': 'Bearer' },
  payload_too_large: { connection: 'close' },
};
const apiPath = /^\/(v1|auth)\//;

/** The HTTP side of the api: every route, and what holds for all of them. */
export function createApp(parts: ApiParts, gate: OwnerGate, tunnels: Pick<Tunnels, 'get'>): ApiApp {
  const { config, limiter, log } = parts;
  const app = createRouter();
  const headers = Object.entries(securityHeaders(config.publicUrl));

  app.use(async (c, next) => {
    const started = performance.now();
    const id = requestId(c.req.header('x-request-id'));
    c.set('requestId', id);
    c.set('clientAddress', clientAddress(c.env.incoming, config.trustedProxyHops));
    await next();
    c.header('x-request-id', id);
    for (const [name, value] of headers) if (!c.res.headers.has(name)) c.header(name, value);
    if (apiPath.test(c.req.path) && !c.res.headers.has('cache-control'))
      c.header('cache-control', 'no-store');
    const ownerId = c.get('ownerId');
    log.info('request', {
      method: c.req.method,
      route: routePath(c, -1),
      status: c.res.status,
      ms: Math.round(performance.now() - started),
      requestId: id,
      ...(ownerId === undefined ? {} : { ownerId }),
    });
  });

  app.use(async (c, next) => {
    const wait = apiPath.test(c.req.path) ? limiter.take('address', c.get('clientAddress')) : null;
    if (wait !== null) {
      const { error, headers: extra } = tooMany(wait);
      throw new RefusedWithHeaders(error, extra);
    }
    await next();
  });

  app.use(
    bodyLimit({
      maxSize: bodyLimitBytes,
      onError: () => {
        throw plainError('payload_too_large');
      },
    }),
  );

  app.route('/', platformRoutes(parts, gate));
  app.route('/', cloudRoutes(parts, gate));
  app.route('/', credentialRoutes(parts, gate));
  app.route('/', instanceRoutes(gate));
  app.route('/', serverOperationRoutes(gate));
  app.route('/', serverRoutes(gate, tunnels));
  app.route('/', eventRoutes(parts, gate, createEventFeeds({ read: readEvents })));
  app.route('/', machineRoutes(parts));
  app.route('/', signInRoutes(parts));
  describeApi(app);
  app.route(
    '/',
    docsRoutes(() => openApiDocument(app)),
  );
  // Before the dashboard, which answers every GET.
  const methods = allowedMethods(app);
  app.route('/', dashboardRoutes(parts));

  app.notFound((c) => {
    const allowed = methods(c.req.path);
    if (allowed.length === 0 || allowed.includes(c.req.method))
      return problemResponse(plainError('not_found'), c.get('requestId'));
    const list = allowed.join(', ');
    const error = new ProductError('method_not_allowed', `This address takes ${list}.`, 'Check the method.');
    return problemResponse(error, c.get('requestId'), { allow: list });
  });

  app.onError((error, c) => {
    const id = c.get('requestId');
    if (error instanceof RefusedWithHeaders) return problemResponse(error.error, id, error.headers);
    const known = toProductError(error);
    if (!known) log.error('unexpected error', { requestId: id, ...describeError(error) });
    const answer = known ?? plainError('internal');
    return problemResponse(answer, id, headersOf[answer.code]);
  });

  return app;
}
