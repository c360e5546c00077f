import { parseDemoArguments, runDemo } from './demo.ts';
import { runDev } from './dev.ts';

/**
 * Runs one of the launcher's two programs until it ends or Ctrl-C. Returns the exit code: 0 when it did its job or was
 * asked to stop, 1 with a sentence on stderr when it could not.
 */
export async function runLocal(
  program: 'demo' | 'dev',
  argv: readonly string[],
  startedAt?: number,
): Promise<number> {
  const ending = new AbortController();
  const onSignal = () => {
    // A second Ctrl-C must not cut the clean-up short: it is bounded anyway.
    if (!ending.signal.aborted) process.stderr.write('\n');
    ending.abort(new Error('Stopped.'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('SIGHUP', onSignal);
  try {
    if (program === 'demo') await runDemo(parseDemoArguments(argv), ending.signal, startedAt);
    else await runDev(ending.signal);
    return 0;
  } catch (error) {
    if (ending.signal.aborted) return 130;
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
