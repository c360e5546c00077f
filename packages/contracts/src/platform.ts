import { z } from 'zod';
import { ProviderId, Timestamp } from './common.ts';

/** What a client must know before it signs in. */
export const PublicConfig = z.object({
  auth: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('local') }),
    z.object({ kind: z.literal('clerk'), publishableKey: z.string() }),
  ]),
  providers: z.array(z.object({ id: ProviderId, name: z.string(), sandbox: z.boolean() })),
  version: z.string(),
});
export type PublicConfig = z.infer<typeof PublicConfig>;

export const Me = z.object({ ownerId: z.string(), email: z.string().nullable() });
export type Me = z.infer<typeof Me>;

export const AuditEvent = z.object({
  id: z.string(),
  at: Timestamp,
  actor: z.string(),
  action: z.string(),
  target: z.string(),
  outcome: z.enum(['allowed', 'denied', 'succeeded', 'failed']),
  detail: z.record(z.string(), z.unknown()),
});
export type AuditEvent = z.infer<typeof AuditEvent>;

/** Names of the queue's jobs; they carry ids only. */
export const Jobs = {
  'credential.verify': z.object({ credentialId: z.string() }),
  /** Reads prices and availability anew, because somebody looks at them. */
  'catalogue.refresh': z.object({ credentialId: z.string() }),
  'operation.run': z.object({ operationId: z.string() }),
  /** Deletes what a sweep found and its owner asked to be deleted. */
  'stray.delete': z.object({ strayId: z.string() }),
  sweep: z.object({}),
} as const;
export type JobName = keyof typeof Jobs;
export type JobData<J extends JobName> = z.infer<(typeof Jobs)[J]>;

/**
 * Job ids: the same work asked for twice is one job while it waits or runs. An operation taken up again after a lost
 * lease is new work, hence its epoch.
 */
export const jobIds = {
  verify: (credentialId: string): string => `verify_${credentialId}`,
  refresh: (credentialId: string): string => `refresh_${credentialId}`,
  deleteStray: (strayId: string): string => `stray_${strayId}`,
  run: (operationId: string, epoch: number): string => `run_${operationId}_${epoch}`,
} as const;
