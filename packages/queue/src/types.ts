import type { JobData, JobName } from '@claw-cloud/contracts';

/** Where the queue lives: a Postgres that allows LISTEN (not a transaction pooler), or Redis 6.2 or later. */
export type QueueConfig =
  | { readonly kind: 'postgres'; readonly url: string }
  | { readonly kind: 'redis'; readonly url: string };

export interface QueueOptions {
  /** The queue's name, 1 to 60 of a-z, 0-9 and -. @default 'claw' */
  readonly name?: string;
  /** Receives connection troubles, without addresses or passwords. @default nothing */
  readonly log?: (line: string) => void;
}

export interface JobQueue {
  /** Adds a job; one that waits or runs under the same id stays the only one. Raises `unavailable`. */
  add<J extends JobName>(name: J, data: JobData<J>, options: { jobId: string }): Promise<void>;
  /** Adds the job again and again; replaces an earlier interval. `everyMs`: 100 or more. */
  scheduleEvery<J extends JobName>(name: J, data: JobData<J>, everyMs: number): Promise<void>;
  /** Releases every connection. */
  close(): Promise<void>;
}

export interface RunningJob {
  readonly jobId: string;
  /** 1 the first time. */
  readonly attempt: number;
}

export type JobHandlers = {
  readonly [J in JobName]?: (data: JobData<J>, job: RunningJob) => Promise<void>;
};

export interface WorkerOptions extends QueueOptions {
  /** How many jobs run at once in this process, 1 to 100. */
  readonly concurrency: number;
  /** A job whose worker shows no life for this long runs again elsewhere. @default 30000 */
  readonly lockMs?: number;
  /** How often is looked for such jobs. @default 15000 */
  readonly stalledCheckMs?: number;
}

export interface JobWorker {
  /** Takes no new job, waits for the running ones for at most `graceMs` (@default 10000), releases every connection. */
  close(graceMs?: number): Promise<void>;
}
