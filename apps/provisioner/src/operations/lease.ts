import { setTimeout as delay } from 'node:timers/promises';
import { ProductError } from '@claw-cloud/contracts';
import type { ProvisionerRepository } from '@claw-cloud/db';

export interface HeldLease {
  /** Aborted when the lease is lost, or could not be renewed for so long that it soon may be. */
  readonly lost: AbortSignal;
  /** Stops renewing. */
  stop(): Promise<void>;
}

/**
 * Renews a lease three times per its length. Gives up a third before the end: what we started is killed while nobody
 * else can have taken over yet.
 */
export function holdLease(
  db: ProvisionerRepository,
  operationId: string,
  epoch: number,
  ttlMs: number,
  now: () => number = Date.now,
): HeldLease {
  const lost = new AbortController();
  const stopping = new AbortController();
  const renewEveryMs = ttlMs * 0.3;
  const giveUpAfterMs = ttlMs * 0.7;
  let renewedAt = now();

  const renewing = (async () => {
    let pauseMs = renewEveryMs;
    while (!stopping.signal.aborted && !lost.signal.aborted) {
      await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      const askedAt = now();
      try {
        const remaining = Math.max(1, renewedAt + giveUpAfterMs - askedAt);
        await Promise.race([
          db.renewLease(operationId, epoch, ttlMs),
          delay(remaining, undefined, { signal: stopping.signal }).then(() => {
            throw new Error('the database does not answer');
          }),
        ]);
        // From when it was asked: the database counts from no earlier.
        renewedAt = askedAt;
        pauseMs = renewEveryMs;
      } catch (error) {
        if (stopping.signal.aborted) return;
        const isGone = error instanceof ProductError && error.code === 'lease_lost';
        if (isGone || now() - renewedAt >= giveUpAfterMs) lost.abort(error);
        pauseMs = renewEveryMs / 6;
      }
    }
  })();

  return {
    lost: lost.signal,
    async stop() {
      stopping.abort();
      await renewing;
    },
  };
}
