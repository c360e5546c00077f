import { z } from 'zod';
import { PublicKey } from './common.ts';
import { InstanceId } from './ids.ts';
import { OwnerEnrolment } from './instances.ts';

/** What user-data hands to the bootstrap, as JSON at /etc/claw/bootstrap.json (0600). */
export const BootstrapConfig = z.object({
  v: z.literal(1),
  instanceId: InstanceId,
  /** Where the control plane answers, without a trailing slash. */
  controlPlaneUrl: z.url().max(300),
  /** One-time: reports phases until a registration consumes it. 32 bytes as base64url. */
  registrationToken: PublicKey,
  agent: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), version: z.string().max(40) }),
  openclaw: z.object({ version: z.string().max(40) }),
  /** Where a bare machine fetches Node and OpenClaw: an npm registry's address, without a trailing slash. */
  sources: z.object({ npm: z.url().max(300) }).optional(),
  owners: OwnerEnrolment,
});
export type BootstrapConfig = z.infer<typeof BootstrapConfig>;

export const bootstrapPhases = [
  'booting',
  'fetching',
  'hardening',
  'installing',
  'configuring',
  'starting',
  'warming',
  'registering',
] as const;

export const ReportPhase = z.object({
  instanceId: InstanceId,
  phase: z.enum(bootstrapPhases),
  status: z.enum(['started', 'finished', 'failed']),
  message: z.string().max(500),
  elapsedMs: z.number().int().nonnegative().max(86_400_000).optional(),
  /** Redacted on the machine before it is sent; redacted again here. */
  logTail: z.string().max(8000).optional(),
});
export type ReportPhase = z.infer<typeof ReportPhase>;

export const RegisterInstance = z.object({
  instanceId: InstanceId,
  /** Ed25519: signs tunnel challenges. */
  identityPublicKey: PublicKey,
  /** X25519: the agent's static key of the owner channel. */
  agentPublicKey: PublicKey,
  agentVersion: z.string().max(40),
  openclawVersion: z.string().max(40),
});
export type RegisterInstance = z.infer<typeof RegisterInstance>;

/** The smallest user-data limit of the clouds (AWS), in bytes. */
export const userDataLimitBytes = 16 * 1024;

/** First and second message of a tunnel, as WebSocket text; everything after is HTTP/2 in binary messages. */
export const TunnelChallenge = z.object({
  type: z.literal('challenge'),
  nonce: PublicKey,
  audience: z.string().max(300),
});
export type TunnelChallenge = z.infer<typeof TunnelChallenge>;
export const TunnelAnswer = z.object({
  type: z.literal('answer'),
  instanceId: InstanceId,
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
});
export type TunnelAnswer = z.infer<typeof TunnelAnswer>;
/** Third message: the api accepts (the agent starts its HTTP/2 server) or refuses with a code and closes. */
export const TunnelVerdict = z.discriminatedUnion('type', [
  z.object({ type: z.literal('welcome'), epoch: z.number().int() }),
  z.object({
    type: z.literal('refused'),
    code: z.string(),
    message: z.string(),
    fix: z.string(),
    /** When this api can take the tunnel: dial again then and not before. */
    retryAfterMs: z.number().int().nonnegative().max(600_000).optional(),
  }),
]);
export type TunnelVerdict = z.infer<typeof TunnelVerdict>;
