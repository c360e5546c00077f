import { createLog } from '../../log.ts';
import type { Paths } from '../../paths.ts';
import { runProgram } from '../run-program.ts';
import { openAgents } from './agents.ts';
import { guardSwitch } from './guard.ts';

/** `claw-agent-guard.service`: guards the switch that is pending, if one is. */
export async function guardHere(paths: Paths): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  const log = createLog({ file: null, echo: true });
  const must = async (argv: readonly string[]): Promise<void> => {
    const { code, stderr } = await runProgram(argv, {}, stop.signal);
    if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${stderr.slice(-300)}`);
  };
  try {
    await guardSwitch({ agents: openAgents(paths, log), log, must, signal: stop.signal });
  } catch (error) {
    // Told to end: the switch stays pending, and the next start of this unit goes on.
    if (!stop.signal.aborted) throw error;
  }
}
