import { PublicKey, Timestamp } from '@claw-cloud/contracts';
import { z } from 'zod';
import { readTwice, writeTwice } from '../private-file.ts';

const Owner = z.object({
  publicKey: PublicKey,
  kind: z.enum(['device', 'recovery']),
  name: z.string().max(80),
  /** Null for what was there before this was written down. */
  addedAt: Timestamp.nullable(),
  lastSeenAt: Timestamp.nullable(),
});
/** A key that may speak to this instance. */
export type Owner = z.infer<typeof Owner>;

export const maxOwners = 100;

const OwnersFile = z.object({
  v: z.literal(2),
  owners: z.array(Owner).max(maxOwners),
  pairingSecret: PublicKey.nullable(),
  /** What proves this instance to whoever comes with the recovery code; null at instances of before. */
  recoverySecret: PublicKey.nullable(),
});
export type OwnersFile = z.infer<typeof OwnersFile>;

/** As the first agents wrote it. */
const FormerFile = z
  .object({
    v: z.literal(1),
    owners: z.array(Owner.pick({ publicKey: true, kind: true, name: true })).max(maxOwners),
    pairingSecret: PublicKey.nullable(),
  })
  .transform(
    ({ owners, pairingSecret }): OwnersFile => ({
      v: 2,
      owners: owners.map((owner) => ({ ...owner, addedAt: null, lastSeenAt: null })),
      pairingSecret,
      recoverySecret: null,
    }),
  );

/**
 * The owners as written, from the copy where the file itself is damaged; raises where both are missing or damaged: never
 * an empty list by mistake.
 */
export function readOwnersFile(path: string, log: (message: string) => void = () => undefined): OwnersFile {
  const parse = (text: string): OwnersFile => z.union([OwnersFile, FormerFile]).parse(JSON.parse(text));
  return readTwice(path, parse, log) ?? parse('null');
}

export function writeOwnersFile(path: string, file: OwnersFile): void {
  writeTwice(path, JSON.stringify(file));
}
