import { setTimeout as sleep } from 'node:timers/promises';

export interface Backoff {
  /** Milliseconds until the next attempt: doubles up to the cap, between half (or none) and all of it by chance. */
  next(): number;
  reset(): void;
}

export interface BackoffOptions {
  baseMs: number;
  capMs: number;
  random?: () => number;
  /** `full` spreads evenly from nothing on: for many that ask one. @default half */
  jitter?: 'half' | 'full';
}

/** Exponential backoff with jitter, so that machines cut off together don't come back together. */
export function createBackoff({
  baseMs,
  capMs,
  random = Math.random,
  jitter = 'half',
}: BackoffOptions): Backoff {
  let attempt = 0;
  return {
    next() {
      const full = Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
      attempt += 1;
      return Math.round(jitter === 'full' ? full * random() : full / 2 + (full / 2) * random());
    },
    reset() {
      attempt = 0;
    },
  };
}

/** Waits `ms`, or less: an aborted signal ends the wait by raising its reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal });
}
