import { z } from 'zod';
import { Timestamp } from './common.ts';

export const RolloutStage = z.enum(['1', '10', '100']);
export type RolloutStage = z.infer<typeof RolloutStage>;

/** One version of OpenClaw as the control plane's channel offers it. */
export const OpenClawRelease = z.object({
  version: z.string().max(40),
  /** npm's integrity of the package: the instance refuses anything else. */
  integrity: z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/),
  releasedAt: Timestamp,
  /** Markdown, for the owner to read before deciding. */
  changelog: z.string().max(20_000),
});
export type OpenClawRelease = z.infer<typeof OpenClawRelease>;

export const AgentRelease = z.object({
  version: z.string().max(40),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type AgentRelease = z.infer<typeof AgentRelease>;

/** What the api tells an instance through its tunnel (POST /release-offer). An offer starts nothing: the owner does. */
export const ReleaseOffer = z.object({
  openclaw: OpenClawRelease.nullable(),
  agent: AgentRelease.nullable(),
});
export type ReleaseOffer = z.infer<typeof ReleaseOffer>;

export const Rollout = z.object({
  version: z.string().max(40),
  stage: RolloutStage,
  /** halted: the failure rate of a stage passed the limit; nothing is offered further. */
  state: z.enum(['running', 'halted', 'done']),
  reason: z.string().max(500).nullable(),
  succeeded: z.number().int().nonnegative(),
  failed: z.number().int().nonnegative(),
  startedAt: Timestamp,
  stageAt: Timestamp,
});
export type Rollout = z.infer<typeof Rollout>;
