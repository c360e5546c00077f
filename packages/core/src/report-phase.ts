import { ReportPhase } from '@claw-cloud/contracts';
import type { MachineContext } from './context.ts';
import { parse } from './parse.ts';
import { redact } from './redact.ts';

/**
 * Takes a machine's report of a bootstrap phase. Input: ReportPhase. Raises `registration_token_invalid`,
 * `registration_token_expired`, `registration_replayed`, `registration_wrong_instance`.
 */
export async function reportPhase(context: MachineContext, input: unknown): Promise<void> {
  const report = parse(ReportPhase, input);
  await context.db.machine.reportPhase(context.tokenHash, {
    ...report,
    // The machine has done so before; here nobody has to believe it.
    message: redact(report.message),
    ...(report.logTail === undefined ? {} : { logTail: redact(report.logTail) }),
  });
}
