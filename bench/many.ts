/**
 * Many deploys at once over the four pretend clouds, with their troubles on (5 % errors after the effect, 5 % rate
 * limits, 2 % servers that never boot) and the provisioner killed every half minute. Everything of the product is real
 * but the servers, which only call home. Prints one JSON line: how all ended, the time, memory per operation (its
 * child, CLI and plugin together) and how many ran side by side. AWS needs a Python with moto (CLAW_TEST_PYTHON).
 *
 *   node bench/many.ts [deploys=100] [atOnce=4] [seed=1] [clouds=all, by folder] [killEverySeconds=30]
 */
import { cpus, loadavg, totalmem } from 'node:os';
import type { FakeCloud, FakeCloudOptions } from '@claw-cloud/fake-clouds';
import { clouds as known } from '@claw-cloud/providers/clouds';
import { manyAtOnce } from '../tests/clouds/many.ts';

const [deploys = 100, atOnce = 4, seed = 1] = process.argv.slice(2, 5).map(Number);
const names = process.argv[5]?.split(',') ?? [...new Set(known.map(({ folder }) => folder))];

const killEverySeconds = Number(process.argv[6] ?? 30);

const clouds = await Promise.all(
  names.map(async (name) => {
    const module = (await import(`@claw-cloud/fake-clouds/${name}`)) as {
      startFakeCloud(options: FakeCloudOptions): Promise<FakeCloud>;
    };
    return module.startFakeCloud;
  }),
);
let said = '';
const { memory, ...result } = await manyAtOnce({
  clouds,
  deploys,
  atOnce,
  seed,
  killEveryMs: killEverySeconds * 1_000,
  bootTimeoutMs: 90_000,
  limitMs: 3_600_000,
  log(line) {
    if (line !== said) process.stderr.write(`${line}\n`);
    said = line;
  },
});
const middle = (values: readonly number[]) => values[Math.floor(values.length / 2)] ?? 0;
const busy = memory.atOnce.filter((count) => count > 0);
process.stdout.write(
  `${JSON.stringify({
    deploys,
    clouds: names,
    killEverySeconds,
    seconds: Math.round(result.ms / 1000),
    ...result,
    memoryPerOperationMb: {
      operations: memory.rssMb.length,
      rss: { median: middle(memory.rssMb), max: memory.rssMb.at(-1) ?? 0 },
      pss: { median: middle(memory.pssMb), max: memory.pssMb.at(-1) ?? 0 },
      pssOfOneProcess: memory.pssMbByProcess,
    },
    sideBySide: {
      allowed: atOnce,
      max: Math.max(0, ...busy),
      mean: Math.round((busy.reduce((sum, count) => sum + count, 0) / Math.max(1, busy.length)) * 10) / 10,
    },
    machine: {
      cpus: cpus().length,
      model: cpus()[0]?.model,
      memoryGb: Math.round(totalmem() / 2 ** 30),
      load: Math.round(loadavg()[0] ?? 0),
    },
  })}\n`,
);
process.exit(result.undecided.length + result.wrong.length + result.twice.length + result.strays > 0 ? 1 : 0);
