import { type JobData, type JobName, newId } from '@claw-cloud/contracts';
import { newOwnerId, startTestDatabase, type TestDatabase } from '@claw-cloud/db/testing';
import { afterAll, beforeAll } from 'vitest';
import type { MachineContext, OwnerContext } from './context.ts';

export interface Job {
  name: JobName;
  data: JobData<JobName>;
  jobId: string;
}

export interface Stage {
  /** A context of an owner of its own. */
  owner(changes?: Partial<OwnerContext>): OwnerContext & { readonly jobs: Job[] };
  machine(tokenHash: string): MachineContext;
  readonly db: TestDatabase['db'];
}

/** A real database for the tests of one file, with the intake key `kid-1` published. */
export function stage(): Stage {
  let test: TestDatabase | undefined;
  beforeAll(async () => {
    test = await startTestDatabase();
    await test.db.provisioner.publishIntakeKey({ kid: 'kid-1', publicKey: 'A'.repeat(43) });
  });
  afterAll(() => test?.stop());
  const db = () => {
    if (!test) throw new Error('the database has not been started');
    return test.db;
  };
  const common = (jobs: Job[]) => ({
    db: db(),
    enqueue: async (name: JobName, data: JobData<JobName>, { jobId }: { jobId: string }) => {
      jobs.push({ name, data, jobId });
    },
    now: () => new Date('2026-01-01T00:00:00Z'),
    newId,
    requestId: 'req-test',
  });
  return {
    owner: (changes = {}) => {
      const jobs: Job[] = [];
      return { ...common(jobs), actor: { ownerId: newOwnerId() }, jobs, ...changes };
    },
    machine: (tokenHash) => ({ ...common([]), tokenHash }),
    get db() {
      return db();
    },
  };
}
