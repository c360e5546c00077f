import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childEnv, isCi, repositoryRoot } from './lib/env.mjs';
import { runMain, runOnTerminal, untilInterrupted } from './lib/run-child.mjs';
import { start } from './lib/start.mjs';
import { createSteps } from './lib/steps.mjs';
import { ensureTestNeeds, testPython } from './lib/test-needs.mjs';
import { readResults, summaryLine, sumResults } from './lib/test-results.mjs';

// npm test: every test, on real parts. Arguments go to Vitest: a path, `-t name`. `--project vm` (npm run test:vm)
// runs the ones on emulated computers, which npm test leaves out.
runMain(async () => {
  const argv = process.argv.slice(2);
  const code = await start(import.meta.url);
  if (code !== undefined) return code;

  const paths = argv.filter(
    (argument, index) => !argument.startsWith('-') && !['-t', '--project'].includes(argv[index - 1]),
  );
  const { setUp } = await import('./lib/setup.mjs');
  const missing = await untilInterrupted(async (signal) => {
    // The machine tests are only run without arguments, or when asked for: no path of theirs, no image.
    const machines = paths.length === 0 || paths.some((path) => path.includes('machine'));
    await setUp({ signal, machineImages: machines ? ['trixie', 'bookworm'] : [] });
    let found = [];
    await createSteps().run('what tests need', async (say) => {
      found = await ensureTestNeeds({ paths, say, signal });
      return found.length > 0 ? `${found.length} missing` : 'there';
    });
    return found;
  });
  for (const sentence of missing) process.stdout.write(`\n  ! ${sentence}\n`);

  const reports = mkdtempSync(join(tmpdir(), 'claw-test-'));
  const all = [];
  // What is quick and says most comes first. The last two start whole products and whole machines, which wait a lot.
  const stages = argv.includes('--project') ? [[]] : [['unit'], ['clouds'], ['chain', 'machine']];
  for (const projects of stages) {
    const report = join(reports, `${projects.join('-') || 'tests'}.json`);
    const exitCode = await runOnTerminal(
      process.execPath,
      [
        join(repositoryRoot, 'node_modules', 'vitest', 'vitest.mjs'),
        'run',
        '--passWithNoTests',
        ...projects.flatMap((project) => ['--project', project]),
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${report}`,
        ...argv,
      ],
      { cwd: repositoryRoot, env: childEnv({ CLAW_TEST_PYTHON: testPython }) },
    );
    all.push(readResults(report, exitCode));
    if (exitCode > 128) break;
  }

  rmSync(reports, { recursive: true, force: true });

  const results = sumResults(all);
  for (const failure of results.failures) process.stdout.write(`\n  ✗ ${failure}\n`);
  const wrong = isCi && argv.length === 0 ? [...results.wronglySkipped, ...missing] : [];
  for (const name of wrong) process.stdout.write(`\n  ✗ must not be skipped or missing in CI: ${name}\n`);
  if (results.passed + results.failed + results.skipped === 0) {
    process.stdout.write(`\n  ✗ no test matches ${argv.join(' ')}\n`);
    results.failed = 1;
  }
  results.failed += wrong.length;
  process.stdout.write(`\n${summaryLine(results)}\n`);
  return results.failed > 0 ? 1 : 0;
});
