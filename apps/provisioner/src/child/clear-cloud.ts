import { setTimeout as delay } from 'node:timers/promises';
import { ProductError } from '@claw-cloud/contracts';
import type { CloudResource, OpenCredential, Provider } from '@claw-cloud/providers';
import type { Notes } from './protocol.ts';
import type { Ledger } from './receipt.ts';

const maxRounds = 8;
const firstPauseMs = 500;
const longestPauseMs = 8_000;

export interface ClearOptions {
  readonly provider: Provider;
  readonly credential: OpenCredential;
  readonly tag: string;
  /** The instance's, for what is known by its id alone. */
  readonly region: string;
  readonly ledger: Ledger;
  readonly notes: Notes;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  /**
   * How many listings in a row must be empty. A create whose answer was lost may still take effect a moment later:
   * then one is not enough. @default 1
   */
  readonly emptyListings?: number;
}

export interface Cleared {
  readonly left: CloudResource[];
  readonly listedAt: string;
  /** Why something is left. */
  readonly cause: ProductError | null;
}

/**
 * Deletes what bears the tag until listings find nothing and what the ledger knows by id is gone. Bounded: after
 * eight rounds it returns what is left. Raises only when the cloud can't be asked at all.
 */
export async function clearCloud(options: ClearOptions): Promise<Cleared> {
  const { provider, credential, tag, region, ledger, notes, now } = options;
  let empty = 0;
  let cause: ProductError | null = null;
  let left: CloudResource[] = [];
  for (let round = 1; ; round += 1) {
    const tagged = await provider.findByTag(credential, tag);
    ledger.found(tagged);
    const known = ledger
      .open()
      .filter((entry) => !tagged.some((found) => found.kind === entry.kind && found.id === entry.id))
      .map((entry) => ({ ...entry, createdAt: null, status: null, deletedWith: null, region }));
    // Read before: what was listed a moment ago may be older than what is asked now.
    const strays = await provider.stillExisting(credential, known);
    const listedAt = now().toISOString();
    for (const entry of known)
      if (!strays.some((stray) => stray.kind === entry.kind && stray.id === entry.id))
        ledger.gone(entry, listedAt);
    left = [...tagged, ...strays];
    empty = left.length === 0 ? empty + 1 : 0;
    if (empty >= (options.emptyListings ?? 1)) return { left, listedAt, cause: null };
    if (round === maxRounds) return { left, listedAt, cause };
    cause = await deleteAll(left);
    const pauseMs = Math.min(firstPauseMs * 2 ** (round - 1), longestPauseMs);
    // Right after a round that deleted everything the next listing is worth making at once.
    if (left.length === 0 || cause) await delay(pauseMs, undefined, { signal: options.signal });
  }

  async function deleteAll(resources: readonly CloudResource[]): Promise<ProductError | null> {
    let first: ProductError | null = null;
    for (const resource of resources) {
      // Goes with its server; if it stays, the next listing shows it without one.
      if (resource.deletedWith !== null && resources.some((entry) => entry.id === resource.deletedWith))
        continue;
      options.signal.throwIfAborted();
      try {
        await provider.deleteResource(credential, resource);
      } catch (error) {
        if (!(error instanceof ProductError)) throw error;
        first ??= error;
        continue;
      }
      ledger.gone(resource, now().toISOString());
      const { kind, id, name } = resource;
      await notes.appendEvent('resource', { op: 'delete', kind, name, status: 'finished', id });
    }
    return first;
  }
}
