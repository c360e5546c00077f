import { ownerCommands } from '@claw-cloud/contracts';
import { z } from 'zod';
import { applyRestore, beginRestore, takePiece } from '../../backups/restore.ts';
import { Ending, updateFolders } from '../../updates/records.ts';
import { rootVerb } from '../verb.ts';
import { toolsOf } from './openclaw-update.ts';

/** A decrypted archive comes back from its owner in pieces, in order. */
export const restoreBegin = rootVerb({
  params: ownerCommands['restore.begin'],
  result: z.object({}),
  limitMs: 5 * 60_000,
  group: 'restore',
  async work(params, context) {
    await beginRestore(toolsOf(context), params);
    return {};
  },
});

export const restorePiece = rootVerb({
  params: ownerCommands['restore.piece'],
  result: z.object({ received: z.number().int().nonnegative() }),
  limitMs: 60_000,
  group: 'restore',
  work: async ({ offset, data }, { paths }) => ({
    received: takePiece({ paths, folders: updateFolders(paths) }, offset, data),
  }),
});

/** Puts it in the place of the present state, or ends with that one serving. */
export const restoreApply = rootVerb({
  params: z.object({}),
  result: Ending,
  limitMs: 60 * 60_000,
  group: 'openclaw',
  work: (_, context) => applyRestore(toolsOf(context)),
});
