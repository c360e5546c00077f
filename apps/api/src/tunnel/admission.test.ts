import { describe, expect, it } from 'vitest';
import { createAdmission } from './admission.ts';

/** The same numbers at every run. */
const seeded = (seed: number) => () => {
  seed = (seed * 48_271) % 0x7fffffff;
  return seed / 0x7fffffff;
};

describe('admission', () => {
  it('turns away above its limit, and takes again when one is done', () => {
    const admit = createAdmission({ now: () => 0, random: () => 0, limit: 2 });
    const first = admit();
    expect(admit().admitted).toBe(true);
    expect(admit()).toEqual({ admitted: false, retryAfterMs: expect.any(Number) });
    if (first.admitted) first.done();
    expect(admit().admitted).toBe(true);
  });

  it('lets 10,000 that come at once all in, and never more than the limit at a time', () => {
    let now = 0;
    const limit = 500;
    const admit = createAdmission({ now: () => now, random: seeded(1), limit });
    // Each agent comes when it was told to; the api proves 250 a second.
    const waiting = Array.from({ length: 10_000 }, () => 0);
    const proving: { done(): void }[] = [];
    let dials = 0;
    let taken = 0;
    for (; taken < 10_000 && now < 600_000; now += 4) {
      const one = proving.shift();
      if (one) {
        one.done();
        taken += 1;
      }
      const due = waiting.filter((at) => at <= now);
      if (due.length === 0) continue;
      const later = waiting.filter((at) => at > now);
      for (const _ of due) {
        dials += 1;
        const answer = admit();
        if (answer.admitted) proving.push(answer);
        else later.push(now + answer.retryAfterMs);
      }
      expect(proving.length).toBeLessThanOrEqual(limit);
      waiting.splice(0, waiting.length, ...later);
    }
    expect(taken).toBe(10_000);
    // At 250 a second it can't be done in less than 40 s; and they don't keep knocking meanwhile.
    expect(now).toBeLessThan(160_000);
    expect(dials).toBeLessThan(40_000);
  });
});
