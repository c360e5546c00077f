import { whyNoLab } from '@claw-cloud/bootstrap/lab';
import { parseDemoArguments, runDemo } from './demo.ts';
import { runDev } from './dev.ts';
import { parseSmokeArguments } from './smoke/arguments.ts';
import { Leftover } from './smoke/clean-up.ts';
import { checkSmoke, runSmoke } from './smoke/smoke.ts';

export type LocalProgram = 'demo' | 'dev' | 'smoke';

/** Null when the program can be run like this on this computer, else a sentence that says why not. */
export function checkLocal(program: LocalProgram, argv: readonly string[]): string | null {
  if (program === 'dev') return null;
  try {
    if (program === 'smoke') return checkSmoke(parseSmokeArguments(argv));
    return parseDemoArguments(argv).machine ? whyNoLab() : null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Runs one of the launcher's programs until it ends or Ctrl-C. Returns the exit code: 0 when it did its job or was
 * asked to stop, 1 with a sentence on stderr when it could not.
 */
export async function runLocal(
  program: LocalProgram,
  argv: readonly string[],
  startedAt?: number,
): Promise<number> {
  const ending = new AbortController();
  const onSignal = () => {
    // A second Ctrl-C must not cut the clean-up short: it is bounded anyway.
    if (!ending.signal.aborted) process.stderr.write('\n');
    ending.abort(new Error('Stopped.'));
  };
  // A terminal that was closed must not end the clean-up by an error of writing to it.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('SIGHUP', onSignal);
  try {
    if (program === 'demo') await runDemo(parseDemoArguments(argv), ending.signal, startedAt);
    else if (program === 'smoke') await runSmoke(parseSmokeArguments(argv), ending.signal, startedAt);
    else await runDev(ending.signal);
    return 0;
  } catch (error) {
    if (ending.signal.aborted && !(error instanceof Leftover)) return 130;
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
