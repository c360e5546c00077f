import { z } from 'zod';
import type { GatewayConnection } from './gateway-client.ts';

export interface ConfigPatch {
  /** Merged into the configuration; null takes a key out. */
  patch: object;
  /** Lists that may lose entries by it: OpenClaw refuses that unless it is said. */
  replacedLists?: readonly string[];
  /** Why, in OpenClaw's own record of changes. */
  note: string;
}

const Snapshot = z.object({ hash: z.string() });

/**
 * Changes OpenClaw's configuration through an administrating connection; takes effect at once. Tries three
 * times, for another writer in between makes OpenClaw refuse the older view. Raises its last refusal.
 */
export async function patchConfig(
  connection: GatewayConnection,
  { patch, replacedLists = [], note }: ConfigPatch,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const { hash } = Snapshot.parse(await connection.request('config.get', {}));
    try {
      const replacePaths = replacedLists.length > 0 ? { replacePaths: replacedLists } : {};
      await connection.request(
        'config.patch',
        { baseHash: hash, raw: JSON.stringify(patch), note, ...replacePaths },
        60_000,
      );
      return;
    } catch (error) {
      if (attempt >= 3) throw error;
    }
  }
}
