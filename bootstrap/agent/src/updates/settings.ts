import { join } from 'node:path';
import { Timestamp } from '@claw-cloud/contracts';
import { z } from 'zod';
import type { Log } from '../log.ts';
import type { Paths } from '../paths.ts';
import { readOrSetAside, writePrivate } from '../private-file.ts';

/** What the owner decided about updates, and which ending the control plane was told last. */
const UpdateSettings = z.object({
  pinned: z.string().max(40).nullable(),
  snoozedUntil: Timestamp.nullable(),
  told: z.string().max(40).nullable(),
});
export type UpdateSettings = z.infer<typeof UpdateSettings>;

const file = (paths: Pick<Paths, 'state'>): string => join(paths.state, 'updates.json');

export function readSettings(paths: Pick<Paths, 'state'>, log: Log): UpdateSettings {
  const kept = readOrSetAside(file(paths), (text) => UpdateSettings.parse(JSON.parse(text)), log);
  return kept ?? { pinned: null, snoozedUntil: null, told: null };
}

export function changeSettings(
  paths: Pick<Paths, 'state'>,
  log: Log,
  change: Partial<UpdateSettings>,
): UpdateSettings {
  const next = { ...readSettings(paths, log), ...change };
  writePrivate(file(paths), JSON.stringify(next));
  return next;
}
