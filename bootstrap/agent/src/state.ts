import { z } from 'zod';
import { readIfThere, writePrivate } from './private-file.ts';

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

/** What the agent knows of itself between starts, or null before the first. */
export function readState(path: string): AgentState | null {
  const text = readIfThere(path);
  return text === null ? null : AgentState.parse(JSON.parse(text));
}

export function writeState(path: string, state: AgentState): void {
  writePrivate(path, JSON.stringify(state));
}
