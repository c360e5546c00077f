/**
 * What a bad release costs before its rollout halts by itself: simulated fleets of 1,000 instances, driven by the
 * product's own decisions (packages/core/src/rollout). Prints one JSON line per failure rate.
 *
 *   node bench/rollout.ts [runs=100] [instances=1000] [seed=1]
 */
import { simulateRollout } from '../packages/core/src/rollout/simulated-fleet.ts';

const [runs = 100, instances = 1000, seed = 1] = process.argv.slice(2).map(Number);

for (const failureRate of [0.3, 0.1, 0.02, 0.005, 0]) {
  const random = seeded(seed);
  const ends = Array.from({ length: runs }, () => simulateRollout({ instances, failureRate, random }));
  const harmed = ends.map((end) => end.harmed);
  const halted = ends.filter(({ state }) => state === 'halted');
  const at = (stage: string) => halted.filter((end) => end.stage === stage).length;
  process.stdout.write(
    `${JSON.stringify({
      failureRate,
      runs,
      instances,
      halted: { total: halted.length, at1: at('1'), at10: at('10'), at100: at('100') },
      reachedEveryone: ends.filter(({ updated }) => updated === instances).length,
      harmed: { mean: mean(harmed), max: Math.max(...harmed) },
      days: { mean: mean(ends.map(({ days }) => days)), max: Math.max(...ends.map(({ days }) => days)) },
    })}\n`,
  );
}

function mean(numbers: number[]): number {
  return Math.round((numbers.reduce((sum, number) => sum + number, 0) / numbers.length) * 10) / 10;
}

/** Mulberry32: the same numbers for the same seed. */
function seeded(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
