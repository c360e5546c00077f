import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ProductError, Timestamp } from '@claw-cloud/contracts';
import { z } from 'zod';
import type { Paths } from '../paths.ts';
import { readIfThere, writePrivate } from '../private-file.ts';

/** Where updates, rollbacks and restores keep what they know and what they set aside; all of it root's. */
export interface UpdateFolders {
  /** OpenClaw's folder: its state, home and configuration, as one. */
  live: string;
  /** States set aside or being made, a folder each, which belong to OpenClaw's user; nobody but root adds one. */
  kept: string;
  /** What is under way; there is none while nothing is. */
  journal: string;
  /** How the last one ended, and what one click would put back. */
  record: string;
  gatewayToken: string;
}

export function updateFolders(paths: Paths): UpdateFolders {
  const live = dirname(paths.openclawConfig);
  return {
    live,
    kept: `${live}-kept`,
    journal: join(paths.rootState, 'openclaw-journal.json'),
    record: join(paths.rootState, 'openclaw-record.json'),
    gatewayToken: join(dirname(paths.rootBootstrapJson), 'gateway.token'),
  };
}

export const FailedStep = z.enum(['backup', 'stop', 'install', 'migrate', 'start', 'health', 'power_cut']);
export type FailedStep = z.infer<typeof FailedStep>;

const Version = z.string().max(40);
const Folder = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,79}$/);

/**
 * One change from a version and its state to another, written before each thing that can't be undone by forgetting it.
 * `before`: OpenClaw runs as ever. `down`: whoever finds this puts `from` back. `done`: `to` has been seen healthy.
 */
export const Journal = z.object({
  v: z.literal(1),
  id: z.string().max(40),
  kind: z.enum(['update', 'rollback', 'restore']),
  from: Version,
  to: Version,
  phase: z.enum(['before', 'down', 'done']),
  step: z.string().max(60),
  startedAt: Timestamp,
  stoppedAt: Timestamp.nullable(),
  downSeconds: z.number().nonnegative(),
  /** The state that `to` starts with, until it is in use. */
  next: Folder,
  /** Whether `next` is kept when it comes back: only what one click would put back is. */
  keepNext: z.boolean(),
  /** Where the state of `from` is set aside. */
  aside: Folder,
});
export type Journal = z.infer<typeof Journal>;

export const Ending = z.object({
  id: z.string().max(40),
  kind: Journal.shape.kind,
  at: Timestamp,
  from: Version,
  to: Version,
  outcome: z.enum(['succeeded', 'failed', 'rolled_back']),
  failedStep: FailedStep.nullable(),
  reason: z.string().max(2000).nullable(),
  downSeconds: z.number().nonnegative(),
});
export type Ending = z.infer<typeof Ending>;

export const UpdateRecord = z.object({
  v: z.literal(1),
  /** A state from before the last change, with the version that it belongs to. */
  kept: z.object({ version: Version, folder: Folder, at: Timestamp }).nullable(),
  last: Ending.nullable(),
});
export type UpdateRecord = z.infer<typeof UpdateRecord>;

function read<T extends z.ZodType>(schema: T, path: string): z.output<T> | null {
  const text = readIfThere(path);
  return text === null ? null : schema.parse(JSON.parse(text));
}

export const readJournal = (folders: UpdateFolders): Journal | null => read(Journal, folders.journal);
export const writeJournal = (folders: UpdateFolders, journal: Journal): void =>
  writePrivate(folders.journal, JSON.stringify(journal));
export const removeJournal = (folders: UpdateFolders): void => rmSync(folders.journal, { force: true });

export const readRecord = (folders: UpdateFolders): UpdateRecord =>
  read(UpdateRecord, folders.record) ?? { v: 1, kept: null, last: null };
export const writeRecord = (folders: UpdateFolders, record: UpdateRecord): void =>
  writePrivate(folders.record, JSON.stringify(record));

/** Every folder beside OpenClaw's that nothing names any more: left by a power cut, or by a change that failed. */
export function forgottenFolders(folders: UpdateFolders): string[] {
  if (!existsSync(folders.kept)) return [];
  const journal = readJournal(folders);
  const named = [readRecord(folders).kept?.folder, journal?.next, journal?.aside];
  return readdirSync(folders.kept).filter((name) => !named.includes(name));
}

/** Raises `update_running` in the short time of a change in which nobody else may start or stop the gateway. */
export function refuseWhileDown(paths: Paths): void {
  const journal = readJournal(updateFolders(paths));
  if (journal?.phase !== 'down') return;
  throw new ProductError(
    'update_running',
    `OpenClaw is being changed to ${journal.to} right now.`,
    'Wait a minute: it starts by itself.',
  );
}
