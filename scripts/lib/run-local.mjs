import { startedAt } from './env.mjs';
import { runMain, untilInterrupted } from './run-child.mjs';
import { start } from './start.mjs';

/**
 * Sets everything up and runs one of the launcher's programs, with this script's arguments.
 * @param {string} scriptUrl
 * @param {'demo' | 'dev' | 'smoke'} program
 */
export function runLocalProgram(scriptUrl, program) {
  return runMain(async () => {
    const argv = process.argv.slice(2);
    const json = argv.includes('--json');
    const code = await start(scriptUrl, { json });
    if (code !== undefined) return code;
    const { setUp } = await import('./setup.mjs');
    const { checkLocal, runLocal } = await import('../../apps/local/src/main.ts');
    // What can't be done here is said before minutes are spent on getting ready for it.
    const refusal = checkLocal(program, argv);
    if (refusal !== null) {
      process.stderr.write(`\n${refusal}\n`);
      return 1;
    }
    const machineImages = argv.includes('--machine') ? ['trixie'] : [];
    await untilInterrupted((signal) => setUp({ signal, json, machineImages }));
    return runLocal(program, argv, startedAt);
  });
}
