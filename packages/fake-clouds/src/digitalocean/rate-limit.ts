import type { MiddlewareHandler } from 'hono';
import type { CloudEnv } from './context.ts';
import { errorResponse } from './errors.ts';

/** The vendor's three headers: limit, what is left, and the Unix second at which the oldest request no longer counts. */
export function rateLimitHeaders(limit: number, remaining: number, resetAt: Date): Record<string, string> {
  return {
    'ratelimit-limit': String(limit),
    'ratelimit-remaining': String(Math.max(0, remaining)),
    'ratelimit-reset': String(Math.ceil(resetAt.getTime() / 1000)),
  };
}

const hourMs = 3_600_000;

/** Answers one request too many, with the seconds to wait besides. */
export function tooMany(limit: number, resetAt: Date, now: Date): Response {
  return errorResponse(429, 'API rate limit exceeded.', {
    ...rateLimitHeaders(limit, 0, resetAt),
    'retry-after': String(Math.max(0, Math.ceil((resetAt.getTime() - now.getTime()) / 1000))),
  });
}

/** Counts the requests of each token over the last hour; every answer carries the headers. */
export function createRateLimit(perHour: number, now: () => Date): MiddlewareHandler<CloudEnv> {
  const byToken = new Map<string, number[]>();
  return async (c, next) => {
    const at = now().getTime();
    const mark = c.get('tokenMark');
    const times = byToken.get(mark) ?? [];
    byToken.set(mark, times);
    while (times[0] !== undefined && times[0] <= at - hourMs) times.shift();
    const resetAt = () => new Date((times[0] ?? at) + hourMs);
    if (times.length >= perHour) return tooMany(perHour, resetAt(), now());
    times.push(at);
    await next();
    for (const [key, value] of Object.entries(rateLimitHeaders(perHour, perHour - times.length, resetAt())))
      if (!c.res.headers.has(key)) c.res.headers.set(key, value);
    return;
  };
}
