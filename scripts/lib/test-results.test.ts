import { expect, test } from 'vitest';
import { isAskedFor } from './test-needs.mjs';
import { countResults, readResults, summaryLine, sumResults } from './test-results.mjs';

const one = (status: string, fullName = 'a test') => ({ status, fullName });

test('counts tests by their outcome', () => {
  const report = {
    testResults: [
      {
        name: '/a.test.ts',
        status: 'failed',
        assertionResults: [one('passed'), one('passed'), { ...one('failed'), failureMessages: ['it broke'] }],
      },
      { name: '/src/spec-conformance.test.ts', status: 'passed', assertionResults: [one('skipped')] },
    ],
  };
  const results = countResults(report, 1);
  expect(results).toMatchObject({ passed: 2, failed: 1, skipped: 1, wronglySkipped: [] });
  expect(results.failures).toEqual([expect.stringMatching(/^\/a\.test\.ts: a test\n.*broke/)]);
  expect(summaryLine(results)).toBe('2 passed, 1 failed, 1 skipped');
});

test('a file that did not load is a failure', () => {
  const report = { testResults: [{ name: '/a.test.ts', status: 'failed', assertionResults: [] }] };
  expect(countResults(report, 1)).toMatchObject({ passed: 0, failed: 1 });
});

test('a run that ended badly is a failure whatever its report says', () => {
  const report = {
    testResults: [{ name: '/a.test.ts', status: 'passed', assertionResults: [one('passed')] }],
  };
  expect(countResults(report, 1)).toMatchObject({ passed: 1, failed: 1 });
  expect(readResults('/nowhere/report.json', 1)).toMatchObject({ passed: 0, failed: 1 });
});

test('a skipped test is named, unless it needs what is not in the repository', () => {
  const report = {
    testResults: [
      { name: '/q/queue.test.ts', status: 'passed', assertionResults: [one('skipped', 'on redis')] },
    ],
  };
  expect(countResults(report, 0).wronglySkipped).toEqual(['/q/queue.test.ts: on redis']);
});

test('runs are added up, and nothing skipped is not mentioned', () => {
  const run = { passed: 3, failed: 0, skipped: 0, wronglySkipped: [], failures: [] };
  expect(summaryLine(sumResults([run, run]))).toBe('6 passed, 0 failed');
});

test('what a test needs is got for the paths that were asked for', () => {
  expect(isAskedFor(['packages/queue'], [])).toBe(true);
  expect(isAskedFor(['packages/queue'], ['packages/queue/src/queue.test.ts'])).toBe(true);
  expect(isAskedFor(['packages/queue'], ['./packages'])).toBe(true);
  expect(isAskedFor(['packages/queue'], ['engine'])).toBe(false);
});
