/** How long to wait before the next attempt, in milliseconds, and when to start over. */
export interface Backoff {
  next(): number;
  reset(): void;
}

/**
 * Exponential delays with full jitter between half and the whole of each step, so that many clients of a
 * restarted server don't come back at once. `random` returns [0,1).
 */
export function createBackoff(
  options: { firstMs?: number; maxMs?: number; random?: () => number } = {},
): Backoff {
  const { firstMs = 400, maxMs = 15_000, random = Math.random } = options;
  let attempt = 0;
  return {
    next() {
      const step = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 20));
      attempt += 1;
      return Math.round(step / 2 + (random() * step) / 2);
    },
    reset() {
      attempt = 0;
    },
  };
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}
