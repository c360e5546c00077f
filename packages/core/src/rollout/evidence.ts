export interface EvidenceRules {
  /** Of a release that is fine: updates fail now and then for reasons of the machine. */
  readonly goodFailureRate: number;
  /** Of one that must stop. Between the two, at about one in fifteen, the evidence neither grows nor shrinks. */
  readonly badFailureRate: number;
  /** So many times likelier to be bad than good, and it is stopped. The first outcomes are judged more severely: */
  readonly earlyOdds: number;
  /** there are few of them, so that chance has little room, and every one that fails is somebody's server. */
  readonly early: number;
  readonly odds: number;
}

export const evidenceRules: EvidenceRules = {
  goodFailureRate: 0.01,
  badFailureRate: 0.2,
  earlyOdds: 100,
  early: 20,
  odds: 10_000,
};

/**
 * Looks at outcomes one by one (true: succeeded) and says at which of them it had to stop; null when at none. It is
 * Wald's sequential test, kept from falling below zero (Page's rule), so that a hundred good ones excuse no series of
 * bad ones. One failure alone is never enough.
 */
export function stopsAt(outcomes: readonly boolean[], rules: EvidenceRules = evidenceRules): number | null {
  const { goodFailureRate: good, badFailureRate: bad } = rules;
  const ofFailure = Math.log(bad / good);
  const ofSuccess = Math.log((1 - bad) / (1 - good));
  let evidence = 0;
  let failed = 0;
  for (const [at, succeeded] of outcomes.entries()) {
    evidence = Math.max(0, evidence + (succeeded ? ofSuccess : ofFailure));
    if (!succeeded) failed += 1;
    const limit = Math.log(at < rules.early ? rules.earlyOdds : rules.odds);
    if (failed > 1 && evidence >= limit) return at;
  }
  return null;
}
