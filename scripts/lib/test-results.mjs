import { readFileSync } from 'node:fs';

/** Tests of these files may be skipped in CI: they need what does not belong to this repository. */
const mayBeSkipped = [
  // Held against the vendors' API descriptions, which are not ours to publish.
  /\/spec-conformance\.test\.ts$/,
];

/**
 * @typedef {{ passed: number, failed: number, skipped: number, wronglySkipped: string[], failures: string[] }} Results
 */

/**
 * Counts what Vitest's JSON report says. A file that failed to load counts as one failure, and so does a
 * run that ended badly with nothing to show for it.
 * @param {string} path
 * @param {number} exitCode
 * @returns {Results}
 */
export function readResults(path, exitCode) {
  let report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { passed: 0, failed: exitCode === 0 ? 0 : 1, skipped: 0, wronglySkipped: [], failures: [] };
  }
  return countResults(report, exitCode);
}

const shownLines = 12;

/** The start of an error, so that a long run's end tells what failed. */
const firstLines = (text) =>
  String(text ?? '')
    .split('\n')
    .slice(0, shownLines)
    .map((line) => `      ${line.slice(0, 300)}`)
    .join('\n');

/** As `readResults`, for a report that was read already. */
export function countResults(report, exitCode) {
  const results = { passed: 0, failed: 0, skipped: 0, wronglySkipped: [], failures: [] };
  for (const file of report.testResults ?? []) {
    const tests = file.assertionResults ?? [];
    for (const { status, fullName, failureMessages } of tests) {
      if (status === 'passed') results.passed += 1;
      else if (status === 'failed') {
        results.failed += 1;
        results.failures.push(`${file.name}: ${fullName}\n${firstLines(failureMessages?.[0])}`);
      } else {
        results.skipped += 1;
        if (!mayBeSkipped.some((pattern) => pattern.test(file.name))) {
          results.wronglySkipped.push(`${file.name}: ${fullName}`);
        }
      }
    }
    if (file.status === 'failed' && !tests.some(({ status }) => status === 'failed')) {
      results.failed += 1;
      results.failures.push(`${file.name}: did not load\n${firstLines(file.message)}`);
    }
  }
  if (exitCode !== 0 && results.failed === 0) results.failed = 1;
  return results;
}

/** Adds the results of several runs. */
export function sumResults(all) {
  return all.reduce(
    (sum, one) => ({
      passed: sum.passed + one.passed,
      failed: sum.failed + one.failed,
      skipped: sum.skipped + one.skipped,
      wronglySkipped: [...sum.wronglySkipped, ...one.wronglySkipped],
      failures: [...sum.failures, ...one.failures],
    }),
    { passed: 0, failed: 0, skipped: 0, wronglySkipped: [], failures: [] },
  );
}

/** The last line of a test run: `12 passed, 0 failed`, with `, 1 skipped` where there were any. */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
