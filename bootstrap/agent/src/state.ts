import { z } from 'zod';
import { readBornWith } from './bootstrap/bootstrap-json.ts';
import type { Log } from './log.ts';
import type { Paths } from './paths.ts';
import { readIfThere, readOrSetAside, writePrivate } from './private-file.ts';

const AgentState = z.object({
  v: z.literal(1),
  instanceId: z.string(),
  controlPlaneUrl: z.string(),
  openclawVersion: z.string(),
  /** Set before the first attempt: an attempt whose answer was lost may have counted. */
  registrationTried: z.boolean(),
  registered: z.boolean(),
});
export type AgentState = z.infer<typeof AgentState>;

/**
 * What the agent knows of itself between starts, or null before the first. A damaged file is kept aside and made anew
 * from what the machine was born with: used secrets there mean that it was registered.
 */
export function readState(paths: Pick<Paths, 'stateJson' | 'bootstrapJson'>, log: Log): AgentState | null {
  const before = readIfThere(paths.stateJson);
  const state = readOrSetAside(paths.stateJson, (text) => AgentState.parse(JSON.parse(text)), log);
  if (state !== null || before === null) return state;
  const born = readBornWith(paths.bootstrapJson);
  if (!born) return null;
  const { instanceId, controlPlaneUrl, openclaw, registered } = born;
  const mended: AgentState = {
    v: 1,
    instanceId,
    controlPlaneUrl,
    openclawVersion: openclaw.version,
    registrationTried: true,
    registered,
  };
  writeState(paths.stateJson, mended);
  return mended;
}

export function writeState(path: string, state: AgentState): void {
  writePrivate(path, JSON.stringify(state));
}
