import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { childEnv, repositoryRoot } from './lib/env.mjs';
import { runChild, runMain, untilInterrupted } from './lib/run-child.mjs';
import { start } from './lib/start.mjs';
import { createSteps } from './lib/steps.mjs';

const limitMs = 5 * 60_000;
const bin = (path) => join(repositoryRoot, 'node_modules', path);

const checks = [
  [
    'format and lint',
    bin('@biomejs/biome/bin/biome'),
    ['check', '--error-on-warnings', '--reporter=summary', '.'],
  ],
  [
    'import rules',
    bin('dependency-cruiser/bin/dependency-cruiser.mjs'),
    ['--config', '.dependency-cruiser.cjs', 'apps', 'packages', 'stacks', 'bootstrap', 'engine'],
  ],
  ['types', bin('typescript/bin/tsc'), ['-b', '--pretty', 'false']],
  ['OpenAPI document', join(repositoryRoot, 'apps/api/src/openapi/check.ts'), []],
  [
    'properties of the stand-in plugins',
    join(repositoryRoot, 'engine/stand-ins/sdk/generate.ts'),
    ['--check'],
  ],
];

// npm run verify: format, lint, import rules, types and generated files. Changes nothing.
runMain(async () => {
  const code = await start(import.meta.url, { silent: true });
  if (code !== undefined) return code;
  const steps = createSteps();
  const failures = [];
  await untilInterrupted(async (signal) => {
    for (const [name, script, args] of checks) {
      // Each is run to its end, so that one run shows everything there is to fix.
      await steps
        .run(name, async () => {
          if (!existsSync(script)) return { skipped: 'not there yet' };
          const options = {
            cwd: repositoryRoot,
            env: childEnv({ NO_COLOR: '1' }),
            signal,
            timeoutMs: limitMs,
          };
          const output = await runChild(process.execPath, [script, ...args], options);
          return output.trim().split('\n').at(-1)?.trim().slice(0, 100) || 'clean';
        })
        .catch((error) => {
          signal.throwIfAborted();
          failures.push(error);
        });
    }
  });
  for (const failure of failures) process.stderr.write(`\n${failure.message}\n`);
  return failures.length > 0 ? 1 : 0;
});
