import type { Rollout } from '@claw-cloud/contracts';
import type { VerbContext } from '../context.ts';
import { decide, type RolloutRules } from './decide.ts';

/**
 * Takes every running rollout its next step, if there is one; may run anywhere and at the same time. Returns the steps
 * that were taken by this call.
 */
export async function advanceRollouts(
  { db, now }: Pick<VerbContext, 'db' | 'now'>,
  rules?: RolloutRules,
): Promise<Pick<Rollout, 'version' | 'state' | 'stage' | 'reason'>[]> {
  const taken = [];
  for (const rollout of await db.provisioner.rollouts('running')) {
    const step = decide(rollout, now(), rules);
    if (step && (await db.provisioner.moveRollout(rollout.version, rollout, step)))
      taken.push({ version: rollout.version, ...step });
  }
  return taken;
}
