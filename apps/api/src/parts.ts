import type { Verifier } from '@claw-cloud/auth';
import type { LocalIssuer } from '@claw-cloud/auth/local';
import type { IdKind } from '@claw-cloud/contracts';
import type { VerbContext } from '@claw-cloud/core';
import type { Database } from '@claw-cloud/db';
import type { JobQueue } from '@claw-cloud/queue';
import type { ApiConfig } from './config.ts';
import type { RateLimiter } from './http/rate-limit.ts';
import type { Log } from './log.ts';

/** What the api is made of: chosen once at the start and handed to every route. */
export interface ApiParts {
  readonly config: ApiConfig;
  readonly db: Database;
  readonly queue: Pick<JobQueue, 'add'>;
  readonly verify: Verifier;
  /** Null with Clerk. */
  readonly issuer: LocalIssuer | null;
  readonly limiter: RateLimiter;
  readonly log: Log;
  /** Aborts when the process is asked to end: streams close themselves. */
  readonly stopping: AbortSignal;
  readonly now: () => Date;
  readonly newId: (kind: IdKind) => string;
}

/** What a verb needs, for one request. */
export function verbContext(parts: ApiParts, requestId: string): VerbContext {
  const { db, queue, now, newId, log } = parts;
  return {
    db,
    enqueue: (name, data, options) => queue.add(name, data, options),
    now,
    newId,
    requestId,
    warn: (message, error) =>
      log.warn('verb', { requestId, reason: `${message.slice(0, 120)} (${nameOf(error)})` }),
  };
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);
