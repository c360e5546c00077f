import type { MiddlewareHandler } from 'hono';
import type { CloudEnv, ProjectLimits } from './context.ts';
import { errorResponse } from './errors.ts';

/** The vendor's three headers: limit, what is left, and the Unix second at which the bucket is full again. */
export function rateLimitHeaders(limit: number, remaining: number, fullAt: Date): Record<string, string> {
  return {
    'RateLimit-Limit': String(limit),
    'RateLimit-Remaining': String(Math.max(0, Math.floor(remaining))),
    'RateLimit-Reset': String(Math.ceil(fullAt.getTime() / 1000)),
  };
}

const HOUR_MS = 3_600_000;

/** A bucket per project that refills evenly over an hour; every answer carries its headers. */
export function createRateLimit(limits: ProjectLimits, now: () => Date): MiddlewareHandler<CloudEnv> {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return async (c, next) => {
    const limit = limits.requestsPerHour;
    const at = now().getTime();
    const name = c.get('projectName');
    const bucket = buckets.get(name) ?? { tokens: limit, at };
    bucket.tokens = Math.min(limit, bucket.tokens + ((at - bucket.at) * limit) / HOUR_MS);
    bucket.at = at;
    buckets.set(name, bucket);
    const headers = () =>
      rateLimitHeaders(limit, bucket.tokens, new Date(at + ((limit - bucket.tokens) * HOUR_MS) / limit));
    if (bucket.tokens < 1) {
      return errorResponse(
        'rate_limit_exceeded',
        `limit of ${limit} requests per hour reached`,
        null,
        headers(),
      );
    }
    bucket.tokens -= 1;
    await next();
    for (const [key, value] of Object.entries(headers())) {
      if (!c.res.headers.has(key)) c.res.headers.set(key, value);
    }
  };
}
