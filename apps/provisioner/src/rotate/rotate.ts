import { type KeyRing, rewrapEnvelope } from '@claw-cloud/crypto/kek';
import type { ProvisionerRepository } from '@claw-cloud/db';

const pageSize = 100;
/** A worker that was started before the new key came may still add rows under the old one. */
const maxPasses = 5;

export interface RotationCount {
  /** Envelopes there are. */
  readonly total: number;
  /** Data keys wrapped anew by this run. */
  readonly rewrapped: number;
  /** Envelopes by the version of the key-encryption key that wraps their data key, afterwards. */
  readonly byVersion: Readonly<Record<string, number>>;
}

/**
 * Wraps every data key with the ring's current key-encryption key, page by page, until a pass finds none under an
 * older one. Ciphertexts stay as they are, byte for byte. May be interrupted and run again. Raises the crypto
 * package's errors for an envelope that can't be opened; those before it are done.
 */
export async function rotateKeys(
  db: Pick<ProvisionerRepository, 'listEnvelopes' | 'replaceEnvelope'>,
  ring: KeyRing,
  onPage: (done: number) => void = () => undefined,
): Promise<RotationCount> {
  let rewrapped = 0;
  for (let pass = 1; ; pass += 1) {
    const byVersion: Record<string, number> = {};
    let total = 0;
    let older = 0;
    let after: string | null = null;
    for (;;) {
      const page = await db.listEnvelopes(after, pageSize);
      for (const { id, envelope } of page) {
        total += 1;
        if (envelope.kek === ring.current) {
          byVersion[envelope.kek] = (byVersion[envelope.kek] ?? 0) + 1;
          continue;
        }
        older += 1;
        const next = rewrapEnvelope(ring, envelope);
        // False: somebody else was first, or the row is gone; the next pass sees.
        const replaced = await db.replaceEnvelope(id, envelope.kek, next);
        if (replaced) rewrapped += 1;
        const version = replaced ? next.kek : envelope.kek;
        byVersion[version] = (byVersion[version] ?? 0) + 1;
      }
      onPage(total);
      const last = page.at(-1);
      if (!last || page.length < pageSize) break;
      after = last.id;
    }
    if (older === 0 || pass === maxPasses) return { total, rewrapped, byVersion };
  }
}
