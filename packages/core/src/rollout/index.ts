export { advanceRollouts } from './advance-rollouts.ts';
export { decide, type RolloutRules, type RolloutStep, rolloutRules } from './decide.ts';
export { listRollouts } from './list-rollouts.ts';
export { isOffered, offerFor } from './offered.ts';
export { publishRelease } from './publish-release.ts';
export { haltRollout, resumeRollout } from './steer-rollout.ts';
