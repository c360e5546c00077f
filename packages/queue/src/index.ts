import type { JobHandlers, JobQueue, JobWorker, QueueConfig, QueueOptions, WorkerOptions } from './types.ts';

export * from './types.ts';

/** Opens the queue for adding; on Postgres its tables are made when absent. */
export declare function createQueue(config: QueueConfig, options?: QueueOptions): Promise<JobQueue>;

/** Starts taking jobs; resolves when it listens. A handler may run twice for one job, and be killed anywhere. */
export declare function createWorker(
  config: QueueConfig,
  handlers: JobHandlers,
  options: WorkerOptions,
): Promise<JobWorker>;
