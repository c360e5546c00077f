import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import type { Paths } from '../../paths.ts';
import { readOrSetAside, writePrivate } from '../../private-file.ts';

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** A new agent that runs, and hasn't shown yet that it works. */
export const PendingSwitch = z.object({
  from: Sha256,
  to: Sha256,
  limitSeconds: z.number().int().positive().max(3600),
});
export type PendingSwitch = z.infer<typeof PendingSwitch>;

/** How the last switch ended, until the agent has told of it. */
export const SwitchOutcome = z.object({
  from: Sha256,
  to: Sha256,
  outcome: z.enum(['succeeded', 'rolled_back']),
  reason: z.string().max(200).nullable(),
});
export type SwitchOutcome = z.infer<typeof SwitchOutcome>;

/** The agents on this machine and which of them runs, as root keeps them. */
export interface Agents {
  fileOf(sha256: string): string;
  /** The one in use; null where none is linked. */
  current(): string | null;
  pending(): PendingSwitch | null;
  outcome(): SwitchOutcome | null;
  /** Notes the switch, then makes it: a power cut leaves the old agent, or a new one that is guarded. */
  begin(pending: PendingSwitch): void;
  /** Ends the pending switch; `succeeded` keeps the new agent, `rolled_back` puts the former one back. */
  settle(outcome: SwitchOutcome): void;
  forget(): void;
}

function fsyncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Points a link elsewhere, durably, and without a moment in which there is none. */
function relink(link: string, target: string): void {
  const part = `${link}.part`;
  rmSync(part, { force: true });
  symlinkSync(target, part);
  renameSync(part, link);
  fsyncFolder(dirname(link));
}

/** Opens root's record of the agents. */
export function openAgents(
  paths: Pick<Paths, 'agents' | 'agentCurrent' | 'agentPending' | 'agentOutcome'>,
  log: (message: string) => void,
): Agents {
  const fileOf = (sha256: string): string => join(paths.agents, `${sha256}.mjs`);
  const read = <T>(path: string, schema: z.ZodType<T>): T | null =>
    readOrSetAside(path, (text) => schema.parse(JSON.parse(text)), log);

  const current = (): string | null => {
    try {
      return /^([0-9a-f]{64})\.mjs$/.exec(basename(readlinkSync(paths.agentCurrent)))?.[1] ?? null;
    } catch {
      return null;
    }
  };

  /** Besides the one in use the last one is kept, to go back to. */
  const prune = (keep: readonly string[]): void => {
    for (const name of readdirSync(paths.agents)) {
      const sha256 = /^([0-9a-f]{64})\.mjs$/.exec(name)?.[1];
      if (sha256 && !keep.includes(sha256)) rmSync(join(paths.agents, name), { force: true });
    }
  };

  return {
    fileOf,
    current,
    pending: () => read(paths.agentPending, PendingSwitch),
    outcome: () => read(paths.agentOutcome, SwitchOutcome),
    begin(pending) {
      relink(join(paths.agents, 'guard.mjs'), basename(fileOf(pending.from)));
      mkdirSync(dirname(paths.agentPending), { recursive: true, mode: 0o700 });
      writePrivate(paths.agentPending, JSON.stringify(pending));
      relink(paths.agentCurrent, basename(fileOf(pending.to)));
    },
    settle(outcome) {
      if (outcome.outcome === 'rolled_back' && existsSync(fileOf(outcome.from)))
        relink(paths.agentCurrent, basename(fileOf(outcome.from)));
      writePrivate(paths.agentOutcome, JSON.stringify(outcome));
      rmSync(paths.agentPending, { force: true });
      fsyncFolder(dirname(paths.agentPending));
      if (outcome.outcome === 'succeeded') prune([outcome.to, outcome.from]);
      // What didn't work isn't kept: it is fetched again where somebody wants it again.
      else rmSync(fileOf(outcome.to), { force: true });
    },
    forget: () => rmSync(paths.agentOutcome, { force: true }),
  };
}
