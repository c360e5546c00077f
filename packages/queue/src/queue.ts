import { backend } from './backend.ts';
import { describe, orUnavailable, queueName } from './names.ts';
import type { JobQueue, QueueConfig, QueueOptions } from './types.ts';

const answerTimeoutMs = 5_000;
const week = 7 * 24 * 3600;

const jobOptions = {
  // The database is the truth about what is done; a finished job has nothing more to say, and its id is free again.
  removeOnComplete: true,
  removeOnFail: { count: 200, age: week },
  attempts: 3,
  backoff: { type: 'exponential', delay: 2000, jitter: 0.3 },
  stackTraceLimit: 0,
} as const;

/** Opens the queue for adding; on Postgres its tables are made when absent. Raises `unavailable`. */
export async function createQueue(config: QueueConfig, options: QueueOptions = {}): Promise<JobQueue> {
  const queue = backend(config).queue(queueName(options.name));
  // Without a listener a lost connection would end the process.
  queue.on('error', (error) => options.log?.(`queue: ${describe(error)}`));
  try {
    await orUnavailable(queue.waitUntilReady(), answerTimeoutMs);
  } catch (error) {
    await queue.close().catch(() => {});
    throw error;
  }
  return {
    add: async (name, data, { jobId }) => {
      await orUnavailable(
        (async () => {
          // One that was given up for good would swallow the new one.
          const earlier = await queue.getJob(jobId);
          if (earlier && (await earlier.isFailed())) await earlier.remove();
          await queue.add(name, data, { ...jobOptions, jobId });
        })(),
        answerTimeoutMs,
      );
    },
    scheduleEvery: async (name, data, everyMs) => {
      if (!Number.isInteger(everyMs) || everyMs < 100)
        throw new RangeError('everyMs must be an integer, 100 or more');
      const set = () =>
        queue.upsertJobScheduler(
          name,
          { every: everyMs },
          { name, data, opts: { ...jobOptions, attempts: 1 } },
        );
      await orUnavailable(
        set().catch((error: unknown) => (isDeadlock(error) ? set() : Promise.reject(error))),
        answerTimeoutMs,
      );
    },
    close: () => queue.close(),
  };
}

/** On Postgres a worker may be taking the schedule's job at this moment: whoever was refused has changed nothing. */
const isDeadlock = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === '40P01';
