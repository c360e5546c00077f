import type { MiddlewareHandler } from 'hono';
import type { CloudEnv, CloudParts } from './context.ts';
import { errorResponse, texts } from './errors.ts';

const hourMs = 3_600_000;

/** A bucket per account that refills evenly. The vendor answers 429 without any header that says how long. */
export function rateLimit({ limits, now }: CloudParts): MiddlewareHandler<CloudEnv> {
  const buckets = new Map<string, { left: number; at: number }>();
  return async (c, next) => {
    const most = limits.requestsPerHour;
    const at = now().getTime();
    const name = c.get('accountName');
    const bucket = buckets.get(name) ?? { left: most, at };
    bucket.left = Math.min(most, bucket.left + ((at - bucket.at) * most) / hourMs);
    bucket.at = at;
    buckets.set(name, bucket);
    if (bucket.left < 1) return errorResponse(429, texts.rateLimit);
    bucket.left -= 1;
    await next();
  };
}
