import type { Rollout, RolloutStage } from '@claw-cloud/contracts';
import type { RolloutProgress } from '@claw-cloud/db';
import { type EvidenceRules, evidenceRules, stopsAt } from './evidence.ts';

export interface RolloutRules extends EvidenceRules {
  /** A stage lasts at least this long: some troubles show after hours. */
  readonly stageMs: number;
  /**
   * An offer waits for its owner. A stage that few have taken up goes on after this if nothing failed in it, and is
   * halted for a person to look at if something did.
   */
  readonly patienceMs: number;
  /** Successes that a stage needs, or half of the instances it reaches where those are fewer. */
  readonly successes: Readonly<Record<RolloutStage, number>>;
}

const hourMs = 3_600_000;
export const rolloutRules: RolloutRules = {
  ...evidenceRules,
  stageMs: 24 * hourMs,
  patienceMs: 7 * 24 * hourMs,
  successes: { '1': 5, '10': 30, '100': 100 },
};

/** Where a rollout is to go from where it was seen; null when it stays. */
export type RolloutStep = Pick<Rollout, 'state' | 'stage' | 'reason'> | null;

const nextStage: Readonly<Record<RolloutStage, RolloutStage | null>> = {
  '1': '10',
  '10': '100',
  '100': null,
};

/** The next step of a rollout, from what came of it so far. Pure: the time is given. */
export function decide(seen: RolloutProgress, now: Date, rules: RolloutRules = rolloutRules): RolloutStep {
  if (seen.state !== 'running') return null;
  const stopped = stopsAt(seen.outcomes, rules);
  if (stopped !== null) {
    const counted = seen.outcomes.slice(0, stopped + 1);
    const failed = counted.filter((succeeded) => !succeeded).length;
    const reason = `${failed} of the first ${counted.length} updates failed (stage ${seen.stage} %).`;
    return { state: 'halted', stage: seen.stage, reason };
  }
  const inStageMs = now.getTime() - Date.parse(seen.stageAt);
  if (inStageMs < rules.stageMs) return null;
  const reached = Math.floor((seen.fleet * Number(seen.stage)) / 100);
  const needed = Math.min(rules.successes[seen.stage], Math.ceil(reached / 2));
  const enough = seen.stageSucceeded >= needed;
  if (!enough && inStageMs < rules.patienceMs) return null;
  if (!enough && seen.stageFailed > 0) {
    const reason = `${seen.stageFailed} failed and only ${seen.stageSucceeded} succeeded: too few to go on from ${seen.stage} %.`;
    return { state: 'halted', stage: seen.stage, reason };
  }
  const next = nextStage[seen.stage];
  return next === null
    ? { state: 'done', stage: seen.stage, reason: null }
    : { state: 'running', stage: next, reason: null };
}
