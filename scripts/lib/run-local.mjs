import { startedAt } from './env.mjs';
import { runMain, untilInterrupted } from './run-child.mjs';
import { start } from './start.mjs';

/**
 * Sets everything up and runs one of the launcher's programs, with this script's arguments.
 * @param {string} scriptUrl
 * @param {'demo' | 'dev'} program
 */
export function runLocalProgram(scriptUrl, program) {
  return runMain(async () => {
    const argv = process.argv.slice(2);
    const json = argv.includes('--json');
    const code = await start(scriptUrl, { json });
    if (code !== undefined) return code;
    const { setUp } = await import('./setup.mjs');
    await untilInterrupted((signal) => setUp({ signal, json }));
    const { runLocal } = await import('../../apps/local/src/main.ts');
    return runLocal(program, argv, startedAt);
  });
}
