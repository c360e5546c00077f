import { createMiddleware } from 'hono/factory';
import { RefusedWithHeaders } from '../http/owner.ts';
import { plainError } from '../http/problem.ts';
import { tooMany } from '../http/rate-limit.ts';
import type { ApiParts } from '../parts.ts';
import { createFiles } from '../static/files.ts';
import { type ApiApp, type ApiEnv, createRouter } from './kit.ts';

/** These are never addresses of the single-page app: a mistyped one is a 404, not a page. */
const notPages = /^\/(v1|auth|docs|assets|healthz|openapi\.json)(\/|$)/;

/** Everything that is no API: the built dashboard, and its index.html at the addresses the dashboard makes up. */
export function dashboardRoutes(parts: ApiParts): ApiApp {
  const app = createRouter();
  const { webDir } = parts.config;
  if (webDir === null) return app;
  const files = createFiles(webDir);

  const limited = createMiddleware<ApiEnv>(async (c, next) => {
    const wait = parts.limiter.take('file', c.get('clientAddress'));
    if (wait !== null) {
      const { error, headers } = tooMany(wait);
      throw new RefusedWithHeaders(error, headers);
    }
    await next();
  });

  app.get('*', limited, async (c) => {
    const head = c.req.method === 'HEAD';
    const { path } = c.req;
    const file = await files.get(path, { head, ifNoneMatch: c.req.header('if-none-match') });
    if (file) return file;
    const page = (c.req.header('accept') ?? '').includes('text/html') || path === '/';
    const index = page && !notPages.test(path) ? await files.index(head) : null;
    if (index) return index;
    throw plainError('not_found');
  });
  return app;
}
