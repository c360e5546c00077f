import { createHash } from 'node:crypto';
import type { OpenClawRelease, RolloutStage } from '@claw-cloud/contracts';

const buckets = 10_000;

/** Where an instance stands in the order in which a version goes out, from 0 to below 1: the same at every call. */
export function placeOf(instanceId: string, version: string): number {
  // The version is part of it, so that it isn't the same owners every time who go first.
  const digest = createHash('sha256').update(`${instanceId} ${version}`).digest();
  return (digest.readUInt32BE(0) % buckets) / buckets;
}

/** Whether the version is offered to the instance at this stage; who was offered it at one stage is at every later one. */
export const isOffered = (instanceId: string, version: string, stage: RolloutStage): boolean =>
  placeOf(instanceId, version) < Number(stage) / 100;

/** What is offered to an instance: the release of the latest rollout that has reached it, or null. */
export function offerFor(
  channel: readonly { readonly release: OpenClawRelease; readonly stage: RolloutStage }[],
  instanceId: string,
): OpenClawRelease | null {
  return channel.find(({ release, stage }) => isOffered(instanceId, release.version, stage))?.release ?? null;
}
