import { InstanceHealth, InstanceId, PublicKey, ReportLine } from '@claw-cloud/contracts';
import { z } from 'zod';
import type { VerbContext } from './context.ts';
import { parse } from './parse.ts';
import { redact } from './redact.ts';

const Report = z.object({ instanceId: InstanceId, identityPublicKey: PublicKey, line: ReportLine });
const Heartbeats = z
  .array(
    z.object({
      instanceId: InstanceId,
      health: InstanceHealth,
      /** How long ago it came. */
      ageMs: z.number().nonnegative(),
    }),
  )
  .max(50_000);

/**
 * Takes what an instance reports of itself, a heartbeat aside, once per id: acknowledge it when this resolves. Input:
 * {instanceId, identityPublicKey: the key its tunnel was proven by, line: ReportLine}. Raises `tunnel_key_unknown`,
 * `rate_limited`.
 */
export async function takeReport(context: VerbContext, input: unknown): Promise<void> {
  const { instanceId, identityPublicKey, line } = parse(Report, input);
  const { report } = line;
  // The only two places where a machine writes words of its own.
  const said =
    (report.kind === 'agent_update' || report.kind === 'support_attempt') && report.reason !== null
      ? { ...report, reason: redact(report.reason).slice(0, 200) }
      : report;
  await context.db.machine.report(instanceId, identityPublicKey, {
    id: line.id,
    at: line.at,
    report: said as typeof report,
  });
}

/**
 * Writes the last heartbeats of many instances. Input: [{instanceId, health, ageMs}]. Returns the ids of those that could
 * not be written just now.
 */
export async function takeHeartbeats(context: VerbContext, input: unknown): Promise<string[]> {
  return context.db.machine.recordHeartbeats(parse(Heartbeats, input));
}
