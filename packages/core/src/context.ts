import type { IdKind, JobData, JobName, ProviderId } from '@claw-cloud/contracts';
import type { Database } from '@claw-cloud/db';

/** What every verb is given: where it reads, whom it serves, and what it must not take from the environment. */
export interface VerbContext {
  readonly db: Database;
  /** Called after the transaction has been committed. What gets lost here, the sweep adds again. */
  readonly enqueue: <J extends JobName>(
    name: J,
    data: JobData<J>,
    options: { jobId: string },
  ) => Promise<void>;
  readonly now: () => Date;
  readonly newId: (kind: IdKind) => string;
  readonly requestId: string;
  /** The clouds this installation offers; every cloud of the contracts when absent. */
  readonly providers?: readonly ProviderId[];
  /** Hears what went wrong without failing the verb, e.g. a queue that can't be reached. */
  readonly warn?: (message: string, error: unknown) => void;
}

/** A verb of an owner: `actor` comes from a verified session token and from nowhere else. */
export interface OwnerContext extends VerbContext {
  readonly actor: { readonly ownerId: string; readonly email?: string | null };
}

/** A verb of a machine that holds a one-time token; the verb sees its hash alone. */
export interface MachineContext extends VerbContext {
  readonly tokenHash: string;
}
