import { createPostgresBackend, createRedisBackend, withBackend } from 'bullmq';
import type { QueueConfig } from './types.ts';

const connectTimeoutMs = 5000;

/** What is used of a BullMQ job. */
export interface BackendJob {
  readonly id?: string | undefined;
  readonly name: string;
  readonly data: unknown;
  readonly attemptsStarted: number;
}

export interface BackendWorkerOptions {
  readonly concurrency: number;
  readonly lockDuration: number;
  readonly stalledInterval: number;
  readonly maxStalledCount: number;
}

/** Binds BullMQ to the configured backend. On Postgres its tables are made, or brought up to date, when it connects. */
export function backend(config: QueueConfig) {
  if (config.kind === 'postgres') {
    const { Queue, Worker } = withBackend(createPostgresBackend);
    const connection = {
      connectionString: config.url,
      max: 4,
      migrate: true,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
    };
    return {
      queue: (name: string) => new Queue(name, { connection }),
      worker: (name: string, process: (job: BackendJob) => Promise<void>, options: BackendWorkerOptions) =>
        new Worker(name, process, { connection, ...options }),
    };
  }
  const { Queue, Worker } = withBackend(createRedisBackend);
  const connection = { url: config.url, connectTimeout: connectTimeoutMs };
  return {
    // Adding fails at once while Redis is away; a worker waits for it to come back.
    queue: (name: string) => new Queue(name, { connection: { ...connection, enableOfflineQueue: false } }),
    worker: (name: string, process: (job: BackendJob) => Promise<void>, options: BackendWorkerOptions) =>
      new Worker(name, process, { connection: { ...connection, maxRetriesPerRequest: null }, ...options }),
  };
}
