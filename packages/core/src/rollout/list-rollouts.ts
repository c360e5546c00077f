import type { Rollout } from '@claw-cloud/contracts';
import type { VerbContext } from '../context.ts';

/** An operator's verb: the rollouts, the latest first, at most 20. */
export async function listRollouts({ db }: Pick<VerbContext, 'db'>): Promise<Rollout[]> {
  return (await db.provisioner.rollouts('all')).map(
    ({ outcomes, stageSucceeded: _, stageFailed: __, fleet: ___, ...rollout }) => ({
      ...rollout,
      succeeded: outcomes.filter((succeeded) => succeeded).length,
      failed: outcomes.filter((succeeded) => !succeeded).length,
    }),
  );
}
