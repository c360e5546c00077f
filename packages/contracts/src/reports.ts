import { z } from 'zod';
import { PublicKey } from './common.ts';
import { InstanceHealth } from './health.ts';
import { GrantId } from './ids.ts';
import { SupportGrant } from './support.ts';

/**
 * What an instance tells the control plane by itself: JSON lines on `POST /reports` through the tunnel, numbered
 * from 1 per stream. The api answers `{"ack": n}` lines; all but heartbeats are kept on the instance until acknowledged and may
 * come twice (same `id`). No word of content.
 */
export const InstanceReport = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('heartbeat'), health: InstanceHealth }),
  z.object({
    kind: z.literal('gateway_restarted'),
    reason: z.enum(['unhealthy', 'memory', 'owner', 'control_plane', 'crashed']),
    missesInARow: z.number().int().nonnegative(),
  }),
  z.object({
    kind: z.literal('openclaw_update'),
    from: z.string().max(40),
    to: z.string().max(40),
    outcome: z.enum(['succeeded', 'failed', 'rolled_back']),
    /** A closed word for the step that failed, never a log. */
    failedStep: z.enum(['backup', 'stop', 'install', 'migrate', 'start', 'health', 'power_cut']).nullable(),
    downSeconds: z.number().nonnegative(),
  }),
  z.object({
    kind: z.literal('agent_update'),
    from: z.string().max(64),
    to: z.string().max(64),
    outcome: z.enum(['succeeded', 'rolled_back']),
    reason: z.string().max(200).nullable(),
  }),
  z.object({ kind: z.literal('grant_opened'), grant: SupportGrant }),
  z.object({
    kind: z.literal('grant_closed'),
    grantId: GrantId,
    why: z.enum(['expired', 'revoked', 'rebooted']),
  }),
  z.object({
    kind: z.literal('support_attempt'),
    grantId: GrantId.nullable(),
    outcome: z.enum(['allowed', 'denied']),
    reason: z.string().max(200),
  }),
  z.object({ kind: z.literal('identity_rotated'), identityPublicKey: PublicKey, agentPublicKey: PublicKey }),
  /** The machine is its owner's alone from here on. */
  z.object({ kind: z.literal('goodbye') }),
]);
export type InstanceReport = z.infer<typeof InstanceReport>;

export const ReportLine = z.object({
  n: z.number().int().positive(),
  id: z.string().regex(/^[0-9a-z]{16,40}$/),
  at: z.iso.datetime(),
  report: InstanceReport,
});
export type ReportLine = z.infer<typeof ReportLine>;
export const ReportAck = z.object({ ack: z.number().int().nonnegative() });
/** One line of either direction is at most this long. */
export const reportLineLimitBytes = 16 * 1024;
/** Between two heartbeats, jitter aside. */
export const heartbeatMs = 30_000;
/** Health that is older says nothing about now any more. */
export const healthStaleMs = 3 * heartbeatMs;
