import { defineConfig } from 'vitest/config';

const never = ['**/node_modules/**', '**/dist/**', '**/.claw/**', '**/test-artifacts/**'];

/**
 * Two projects: `unit` stands beside the code and runs in parallel; `chain` drives the whole product
 * and runs one file at a time, after `unit` (scripts/test.mjs keeps the order).
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
          exclude: never,
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'chain',
          include: ['tests/**/*.test.ts'],
          exclude: never,
          pool: 'forks',
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
