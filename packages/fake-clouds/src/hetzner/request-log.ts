import type { MiddlewareHandler } from 'hono';
import type { CloudEnv } from './context.ts';

export interface RequestLogEntry {
  at: string;
  method: string;
  /** Below `/v1`. */
  path: string;
  query: string;
  status: number;
  durationMs: number;
  project: string | null;
  /** `sha256:` and the first 12 hex digits; never the token. */
  token: string | null;
  fault: string | null;
  /** The JSON body with `user_data` replaced by its size; null when there was none. */
  body: unknown;
}

const MAX_ENTRIES = 2_000;
const MAX_LOGGED_BODY_BYTES = 65_536;

async function loggedBody(request: Request): Promise<unknown> {
  if (request.method === 'GET' || request.method === 'DELETE') return null;
  const text = await request.clone().text();
  if (text === '') return null;
  if (text.length > MAX_LOGGED_BODY_BYTES) return `[${text.length} characters]`;
  try {
    const body = JSON.parse(text) as Record<string, unknown>;
    if (typeof body.user_data === 'string') {
      return { ...body, user_data: `[redacted, ${Buffer.byteLength(body.user_data)} bytes]` };
    }
    return body;
  } catch {
    return '[not JSON]';
  }
}

/** The last requests in memory, for tests and for a person at the control endpoint. */
export function createRequestLog(now: () => Date) {
  const entries: RequestLogEntry[] = [];
  let total = 0;
  const middleware: MiddlewareHandler<CloudEnv> = async (c, next) => {
    const started = now();
    const body = await loggedBody(c.req.raw);
    await next();
    const url = new URL(c.req.url);
    total += 1;
    entries.push({
      at: started.toISOString(),
      method: c.req.method,
      path: url.pathname.replace(/^\/v1/, ''),
      query: url.search,
      status: c.res.status,
      durationMs: now().getTime() - started.getTime(),
      project: c.get('projectName') ?? null,
      token: c.get('tokenMark') ?? null,
      fault: c.get('faultKind') ?? null,
      body,
    });
    if (entries.length > MAX_ENTRIES) entries.splice(0, entries.length - MAX_ENTRIES);
  };
  return { middleware, entries: () => [...entries], total: () => total };
}
