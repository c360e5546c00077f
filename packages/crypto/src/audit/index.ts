import { lengthPrefixed } from '../bytes.ts';
import { sodium } from '../sodium.ts';
import { canonicalJson } from './canonical-json.ts';

export { canonicalJson } from './canonical-json.ts';

/** An entry of a hash chain, whatever else it says. */
export interface ChainEntry {
  readonly seq: number;
  readonly hash: string;
}

const CHAIN_LABEL = 'claw.audit.v1';
/** What stands before the first entry. */
export const chainStart = '0'.repeat(64);

/**
 * The hash of an entry that follows `formerHash`: BLAKE2b-256 in hex over both, whatever `entry` says but its own hash.
 * Await `ready()` before.
 */
export function chainHash(formerHash: string, entry: object): string {
  const { hash: _, ...said } = entry as { hash?: unknown };
  const text = lengthPrefixed(CHAIN_LABEL, formerHash, canonicalJson(said));
  return sodium().to_hex(sodium().crypto_generichash(32, text, null));
}

/**
 * The first entry that doesn't follow from those before it, or null when all do. `former` is what the caller knows to
 * stand before the first of `entries`: {@link chainStart} and 0, or an entry it has checked earlier.
 */
export function brokenLink(
  entries: readonly ChainEntry[],
  former: ChainEntry = { seq: 0, hash: chainStart },
): number | null {
  let { seq, hash } = former;
  for (const entry of entries) {
    if (entry.seq !== seq + 1 || entry.hash !== chainHash(hash, entry)) return entry.seq;
    ({ seq, hash } = entry);
  }
  return null;
}
