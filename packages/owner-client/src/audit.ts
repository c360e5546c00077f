import { AuditEntry } from '@claw-cloud/contracts';
import { ready } from '@claw-cloud/crypto';
import { brokenLink, chainStart } from '@claw-cloud/crypto/audit';
import { z } from 'zod';

/** An entry as it was checked earlier; keep the newest one, and nothing before it can be changed unnoticed. */
export interface KnownEntry {
  readonly seq: number;
  readonly hash: string;
}

export type ChainVerdict =
  | { readonly ok: true; readonly newest: KnownEntry }
  /** `seq` is the first entry that doesn't follow from those before. */
  | { readonly ok: false; readonly seq: number };

/**
 * Checks that an instance's audit entries follow from each other and from `known`. Without `known` the oldest entry is
 * taken as it is unless it is the very first, because the instance drops old ones. Raises zod's error for what is no
 * list of entries.
 */
export async function verifyAuditChain(entries: unknown, known?: KnownEntry): Promise<ChainVerdict> {
  await ready();
  const list = z.array(AuditEntry).max(100_000).parse(entries);
  const [first, ...rest] = list;
  if (!first) return { ok: true, newest: known ?? { seq: 0, hash: chainStart } };
  const broken =
    known || first.seq === 1
      ? brokenLink(list, known ?? { seq: 0, hash: chainStart })
      : brokenLink(rest, first);
  const newest = list.at(-1) ?? first;
  return broken === null
    ? { ok: true, newest: { seq: newest.seq, hash: newest.hash } }
    : { ok: false, seq: broken };
}
