import { Backup, BackupId, ownerCommands, ownerResults, PublicKey } from '@claw-cloud/contracts';
import { z } from 'zod';
import { createBackup } from '../../backups/create.ts';
import { deleteBackup, listBackups, readBackup } from '../../backups/store.ts';
import { rootVerb } from '../verb.ts';
import { toolsOf } from './openclaw-update.ts';

/** A backup by OpenClaw's own command, encrypted before anybody but OpenClaw can read it. */
export const backupCreate = rootVerb({
  params: z.object({ recipients: z.array(PublicKey).min(1).max(10) }),
  result: Backup,
  limitMs: 45 * 60_000,
  group: 'openclaw',
  work: ({ recipients }, context) => createBackup(toolsOf(context), recipients),
});

export const backupList = rootVerb({
  params: z.object({}),
  result: ownerResults['backup.list'],
  limitMs: 30_000,
  work: async (_, { paths }) => ({ backups: listBackups(paths) }),
});

/** A piece of the encrypted file. */
export const backupRead = rootVerb({
  params: ownerCommands['backup.read'],
  result: ownerResults['backup.read'],
  limitMs: 30_000,
  work: async ({ backupId, offset }, { paths }) => readBackup(paths, { id: backupId, offset }),
});

export const backupDelete = rootVerb({
  params: z.object({ backupId: BackupId }),
  result: z.object({}),
  limitMs: 30_000,
  async work({ backupId }, { paths }) {
    deleteBackup(paths, backupId);
    return {};
  },
});
