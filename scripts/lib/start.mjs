import { ensureDependencies } from './dependencies.mjs';
import { dependenciesAreThere } from './env.mjs';
import { reexecUnderNode24 } from './node24.mjs';
import { untilInterrupted } from './run-child.mjs';
import { createSteps } from './steps.mjs';

/**
 * What every script does first: install the dependencies if need be, and go on under Node 24. Returns the
 * exit code of the run under Node 24 where this was an older one, else undefined.
 * @param {string} scriptUrl
 * @param {{ json?: boolean, silent?: boolean }} [options] `silent` says nothing when all is there
 * @returns {Promise<number | undefined>}
 */
export async function start(scriptUrl, { json = false, silent = false } = {}) {
  const steps = createSteps({ json });
  const ensure = (say) => untilInterrupted((signal) => ensureDependencies({ say, signal }));
  if (!dependenciesAreThere) {
    if (silent) await ensure((text) => steps.note('dependencies', text));
    else await steps.run('dependencies', ensure);
  }
  return reexecUnderNode24(scriptUrl);
}
