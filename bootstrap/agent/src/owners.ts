import type { OwnerEnrolment } from '@claw-cloud/contracts';
import { PublicKey } from '@claw-cloud/contracts';
import { fromBase64Url, toBase64Url } from '@claw-cloud/crypto';
import type { Pairing } from '@claw-cloud/crypto/owner-channel';
import { z } from 'zod';
import { readIfThere, writePrivate } from './private-file.ts';

const OwnersFile = z.object({
  v: z.literal(1),
  owners: z
    .array(z.object({ publicKey: PublicKey, kind: z.enum(['device', 'recovery']), name: z.string().max(80) }))
    .max(100),
  pairingSecret: PublicKey.nullable(),
});

export interface Owners {
  isEnrolled(publicKey: Uint8Array): boolean;
  /** Null once the first pairing was made. */
  pairing(): Pairing | null;
  /** Erases the pairing secret, durably. */
  erasePairing(): void;
}

/**
 * Who may speak to this instance. Written once, from the enrolment the machine was born with; nothing the
 * control plane sends later can add to it.
 */
export function enrolOwners(path: string, enrolment: OwnerEnrolment): void {
  if (readIfThere(path) !== null) return;
  const file: z.infer<typeof OwnersFile> = {
    v: 1,
    owners: [
      { publicKey: enrolment.devicePublicKey, kind: 'device', name: enrolment.deviceName },
      { publicKey: enrolment.recoveryPublicKey, kind: 'recovery', name: 'recovery code' },
    ],
    pairingSecret: enrolment.pairingSecret,
  };
  writePrivate(path, JSON.stringify(file));
}

/** Opens the file that {@link enrolOwners} wrote. Raises where it is missing or damaged. */
export function openOwners(path: string): Owners {
  let file = OwnersFile.parse(JSON.parse(readIfThere(path) ?? 'null'));
  return {
    isEnrolled: (publicKey) => {
      const key = toBase64Url(publicKey);
      return file.owners.some((owner) => owner.publicKey === key);
    },
    pairing: () =>
      file.pairingSecret === null
        ? null
        : { secret: fromBase64Url(file.pairingSecret), isOpen: () => file.pairingSecret !== null },
    erasePairing() {
      file = { ...file, pairingSecret: null };
      writePrivate(path, JSON.stringify(file));
    },
  };
}
