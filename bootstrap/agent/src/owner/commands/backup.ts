import type { Root } from '../../root/client.ts';
import type { CommandContext, Handlers } from './context.ts';
import { keepTelling } from './keep-telling.ts';
import { machineNeeded } from './machine-needed.ts';
import { changeOpenClaw } from './updates.ts';

/** More than root's own limit. */
const createLimitMs = 50 * 60_000;

function rootOf({ root }: CommandContext): Root {
  if (!root) throw machineNeeded();
  return root;
}

/** Backups: made and encrypted by root, kept as ciphertext, given out in pieces. */
export const backupCommands = {
  async 'backup.create'({ recipients }, context) {
    const { device, audit, progress } = context;
    const record = (outcome: 'succeeded' | 'failed', detail: Record<string, unknown>) =>
      audit.record({ actor: `owner:${device.name}`, action: 'backup.create', outcome, detail });
    const alive = keepTelling(progress);
    try {
      const backup = await rootOf(context).ask(
        'backup.create',
        { recipients },
        { onProgress: alive.tell, timeoutMs: createLimitMs },
      );
      record('succeeded', { id: backup.id, recipients });
      return backup;
    } catch (error) {
      record('failed', { reason: error instanceof Error ? error.message.slice(0, 500) : null });
      throw error;
    } finally {
      alive.end();
    }
  },
  'backup.list': async (_, context) => rootOf(context).ask('backup.list', {}),
  'backup.read': async (params, context) => rootOf(context).ask('backup.read', params),
  async 'backup.delete'(params, context) {
    const { device, audit } = context;
    await rootOf(context).ask('backup.delete', params);
    const detail = { id: params.backupId };
    audit.record({ actor: `owner:${device.name}`, action: 'backup.delete', outcome: 'succeeded', detail });
    return { ok: true };
  },
  async 'restore.begin'(params, context) {
    await rootOf(context).ask('restore.begin', params);
    return { ok: true };
  },
  'restore.piece': async (params, context) => rootOf(context).ask('restore.piece', params),
  'restore.apply': (_, context) => changeOpenClaw(context, 'restore.apply', {}),
} satisfies Handlers;
