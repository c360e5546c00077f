import { type JobName, Jobs } from '@claw-cloud/contracts';
import { UnrecoverableError } from 'bullmq';
import { type BackendJob, backend } from './backend.ts';
import { describe, orUnavailable, queueName } from './names.ts';
import type { JobHandlers, JobWorker, QueueConfig, RunningJob, WorkerOptions } from './types.ts';

const answerTimeoutMs = 5_000;

/**
 * Starts taking jobs; resolves when it listens. A handler may run twice for one job, and be killed anywhere. A handler
 * that raises is tried three times, later each time. Raises `unavailable`.
 */
export async function createWorker(
  config: QueueConfig,
  handlers: JobHandlers,
  options: WorkerOptions,
): Promise<JobWorker> {
  if (!Number.isInteger(options.concurrency) || options.concurrency < 1 || options.concurrency > 100)
    throw new RangeError('concurrency must be an integer from 1 to 100');
  const log = options.log ?? (() => {});
  const running = new Set<Promise<void>>();
  const run = async (job: BackendJob): Promise<void> => {
    const work = handle(handlers, job);
    running.add(work);
    try {
      await work;
    } catch (error) {
      // The queue stores the text of what is raised here: foreign texts stay out.
      log(`job ${job.name}: ${describe(error)}`);
      throw error instanceof UnrecoverableError ? error : new Error(describe(error));
    } finally {
      running.delete(work);
    }
  };
  const worker = backend(config).worker(queueName(options.name), run, {
    concurrency: options.concurrency,
    lockDuration: options.lockMs ?? 30_000,
    stalledInterval: options.stalledCheckMs ?? 15_000,
    // A job survives this many deaths of its worker; after that the sweep has to ask for it again.
    maxStalledCount: 10,
  });
  // Without a listener a lost connection would end the process.
  worker.on('error', (error) => log(`worker: ${describe(error)}`));
  try {
    await orUnavailable(worker.waitUntilReady(), answerTimeoutMs);
  } catch (error) {
    await worker.close(true).catch(() => {});
    throw error;
  }
  return {
    close: async (graceMs = 10_000) => {
      await worker.pause(true);
      const ended = await endsWithin(Promise.allSettled(running), graceMs);
      // What still runs is left to another worker: its lock runs out.
      await worker.close(!ended);
    },
  };
}

async function handle(handlers: JobHandlers, job: BackendJob): Promise<void> {
  if (!(job.name in Jobs)) throw new UnrecoverableError('unknown job');
  const name = job.name as JobName;
  const data = Jobs[name].safeParse(job.data);
  if (!data.success) throw new UnrecoverableError('job data of another form');
  // The parsed data belongs to this name: a fact that the union of all handlers can't express.
  const handler = handlers[name] as ((data: unknown, job: RunningJob) => Promise<void>) | undefined;
  if (!handler) throw new UnrecoverableError('no handler');
  await handler(data.data, { jobId: job.id ?? '', attempt: job.attemptsStarted });
}

async function endsWithin(work: Promise<unknown>, graceMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), graceMs);
  });
  const ended = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return ended;
}
