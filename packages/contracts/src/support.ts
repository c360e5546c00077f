import { z } from 'zod';
import { Timestamp } from './common.ts';
import { GrantId, InstanceId } from './ids.ts';

/** What the control plane may know of a grant: who may knock and until when. Never the key's secret half, never a session. */
export const SupportGrant = z.object({
  id: GrantId,
  name: z.string().max(60),
  /** OpenSSH's SHA256:… fingerprint of the granted key. */
  keyFingerprint: z.string().max(100),
  root: z.boolean(),
  startsAt: Timestamp,
  endsAt: Timestamp,
  /** SHA-256 of the token that opens the relay, in hex: the owner hands the token itself to the supporter. */
  tokenHash: z.string().regex(/^[0-9a-f]{64}$/),
});
export type SupportGrant = z.infer<typeof SupportGrant>;

/** A grant as the control plane lists it to its owner. */
export const SupportGrantRecord = SupportGrant.omit({ tokenHash: true }).extend({
  instanceId: InstanceId,
  endedAt: Timestamp.nullable(),
  endedWhy: z.enum(['expired', 'revoked', 'rebooted', 'destroyed']).nullable(),
  connections: z.number().int().nonnegative(),
});
export type SupportGrantRecord = z.infer<typeof SupportGrantRecord>;

/** The WebSocket subprotocol of a support connection; the token rides as `bearer.<token>`. */
export const supportProtocol = 'claw.support.v1';
