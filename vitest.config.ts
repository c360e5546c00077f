import { defineConfig } from 'vitest/config';

const never = ['**/node_modules/**', '**/dist/**', '**/.claw/**', '**/test-artifacts/**'];

/** Tests on really booted machines: as containers, and as emulated computers with a kernel of their own. */
const booted = ['**/*.machine.test.ts', '**/*.vm.test.ts'];

/** A second, which is what a poll waits by itself, is little on a computer that is busy with other tests. */
const patient = { poll: { timeout: 10_000 } };

/**
 * `unit` stands beside the code. `clouds` drives the provisioner against every cloud, `chain` the whole product, and
 * `machine` boots Debian machines: one after the other (scripts/test.mjs keeps the order), two files at a time. `vm` is
 * `npm run test:vm` alone.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'apps/**/*.test.{ts,tsx}',
            'packages/**/*.test.ts',
            'stacks/**/*.test.ts',
            'bootstrap/**/*.test.ts',
            'engine/**/*.test.ts',
            'scripts/**/*.test.ts',
          ],
          exclude: [...never, ...booted],
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          expect: patient,
        },
      },
      {
        test: {
          name: 'clouds',
          include: ['tests/clouds/**/*.test.ts'],
          exclude: never,
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 240_000,
          hookTimeout: 240_000,
          expect: patient,
        },
      },
      {
        test: {
          name: 'chain',
          include: ['tests/**/*.test.ts'],
          exclude: [...never, ...booted, 'tests/clouds/**'],
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          expect: patient,
        },
      },
      {
        test: {
          name: 'machine',
          include: ['**/*.machine.test.ts'],
          exclude: never,
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 300_000,
          hookTimeout: 600_000,
          expect: patient,
        },
      },
      {
        test: {
          name: 'vm',
          include: ['**/*.vm.test.ts'],
          exclude: never,
          pool: 'forks',
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 1_800_000,
          hookTimeout: 1_800_000,
          expect: patient,
        },
      },
    ],
  },
});
