import { ProductError } from '@claw-cloud/contracts';

/** A bucket of tokens: so many at once, refilled by so many a second. */
export interface Limit {
  readonly burst: number;
  readonly perSecond: number;
}

/** Per process. Behind several processes of the api the effective limit is that many times higher. */
export interface Limits {
  /** All requests of an address to the API. */
  readonly address: Limit;
  /** All requests of an owner, wherever from. */
  readonly owner: Limit;
  /** Requests of an owner that have a cloud asked for its prices. */
  readonly refresh: Limit;
  /** Machines with a one-time token, and bundle downloads, per address. */
  readonly machine: Limit;
  /** Sign-in, sign-up and operator requests, per address. */
  readonly signIn: Limit;
  /** WebSocket upgrades, per address. */
  readonly upgrade: Limit;
  /** Support connections, per address: a grant's token is nothing to guess at. */
  readonly support: Limit;
  /** Files of the dashboard, per address. */
  readonly file: Limit;
}

export const defaultLimits: Limits = {
  address: { burst: 400, perSecond: 20 },
  owner: { burst: 240, perSecond: 10 },
  refresh: { burst: 10, perSecond: 0.1 },
  machine: { burst: 120, perSecond: 2 },
  signIn: { burst: 40, perSecond: 0.5 },
  upgrade: { burst: 80, perSecond: 4 },
  support: { burst: 20, perSecond: 0.2 },
  file: { burst: 600, perSecond: 40 },
};

/** More callers than this at once and the one that was quiet for longest is forgotten, that is, forgiven. */
const maxBuckets = 50_000;

export interface RateLimiter {
  /** Takes one token; returns null, or the seconds to wait (1 or more) where there is none. */
  take(kind: keyof Limits, key: string): number | null;
}

/** Token buckets in this process's memory, at most 50,000. `now` is in milliseconds. */
export function createRateLimiter(
  limits: Limits = defaultLimits,
  now: () => number = performance.now.bind(performance),
): RateLimiter {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return {
    take(kind, key) {
      const { burst, perSecond } = limits[kind];
      const name = `${kind} ${key}`;
      const at = now();
      const bucket = buckets.get(name);
      // Deleted and set again, so that the map is in order of last use.
      if (bucket) buckets.delete(name);
      else if (buckets.size >= maxBuckets)
        for (const oldest of buckets.keys()) if (buckets.delete(oldest)) break;
      const tokens = bucket ? Math.min(burst, bucket.tokens + ((at - bucket.at) / 1000) * perSecond) : burst;
      const allowed = tokens >= 1;
      buckets.set(name, { tokens: allowed ? tokens - 1 : tokens, at });
      return allowed ? null : Math.max(1, Math.ceil((1 - tokens) / perSecond));
    },
  };
}

/** The error of a bucket that is empty; the wait goes into the Retry-After header. */
export function tooMany(seconds: number): { error: ProductError; headers: { 'retry-after': string } } {
  return {
    error: new ProductError(
      'rate_limited',
      'Too many requests in a short time.',
      `Wait ${seconds} s, then try again.`,
    ),
    headers: { 'retry-after': String(seconds) },
  };
}
