import type { JobData, JobName } from '@claw-cloud/contracts';
import type { VerbContext } from './context.ts';

/** Adds a job for what is committed. When the queue can't be reached the verb has succeeded all the same. */
export async function enqueueAfterCommit<J extends JobName>(
  context: VerbContext,
  name: J,
  data: JobData<J>,
  jobId: string,
): Promise<void> {
  try {
    await context.enqueue(name, data, { jobId });
  } catch (error) {
    // The provisioner's sweep reads what is to be done from the database and adds it again.
    context.warn?.(`the job ${name} was not added to the queue`, error);
  }
}
