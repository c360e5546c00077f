import { z } from 'zod';

export const GatewayHealth = z.enum(['ready', 'starting', 'down']);

/** What the agent answers at GET /health through the tunnel, and sends as heartbeat; no word of content. */
export const InstanceHealth = z.object({
  agentVersion: z.string().max(40),
  openclawVersion: z.string().max(40).nullable(),
  gateway: GatewayHealth,
  /** Of the agent's process. */
  uptimeSeconds: z.number().nonnegative(),
  /** SHA-256 of the agent's file, where it runs from one. */
  agentSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** Of the machine; null where the agent can't tell. */
  machine: z
    .object({
      uptimeSeconds: z.number().nonnegative(),
      bootId: z.string().max(64),
      memoryTotalMb: z.number().nonnegative(),
      memoryAvailableMb: z.number().nonnegative(),
      diskTotalMb: z.number().nonnegative(),
      diskFreeMb: z.number().nonnegative(),
      load1: z.number().nonnegative(),
      rebootRequired: z.boolean(),
      kind: z.enum(['server', 'process']),
    })
    .optional(),
  /** Of the gateway as the agent's health check sees it: an authenticated round trip, not an open port. */
  gatewayCheck: z
    .object({
      lastOkSecondsAgo: z.number().nonnegative().nullable(),
      missesInARow: z.number().int().nonnegative(),
      /** Restarts by the agent since the agent started, and why the last. */
      restarts: z.number().int().nonnegative(),
      lastRestartReason: z.enum(['unhealthy', 'memory', 'owner', 'control_plane', 'crashed']).nullable(),
      memoryMb: z.number().nonnegative().nullable(),
    })
    .optional(),
});
export type InstanceHealth = z.infer<typeof InstanceHealth>;
