import { EventEmitter } from 'node:events';
import { type OwnerEnrolment, ProductError } from '@claw-cloud/contracts';
import { fromBase64Url, toBase64Url } from '@claw-cloud/crypto';
import type { Pairing, PairingRequest } from '@claw-cloud/crypto/owner-channel';
import { readIfThere } from '../private-file.ts';
import { maxOwners, type Owner, type OwnersFile, readOwnersFile, writeOwnersFile } from './file.ts';
import { createInvites, type Invite } from './invites.ts';

export type { Owner } from './file.ts';

export interface Owners {
  isEnrolled(publicKey: Uint8Array): boolean;
  list(): readonly Owner[];
  /** The key as it is enrolled; undefined for a stranger's. */
  find(publicKey: string): Owner | undefined;
  /** Which secret lets this caller in; null where none does. */
  pairing(request: PairingRequest): Pairing | null;
  /** Opens an invite in the name of a device; gives when it ends. Raises `rate_limited`. */
  invite(invite: Invite, invitedBy: string): Date;
  /** What the device that invited this one left for it; null where there is nothing (any more). */
  parcelFor(publicKey: string): string | null;
  /** Enrols a device, durably; one that is enrolled keeps its place. Raises `quota_reached`. */
  enrol(device: { publicKey: string; name: string }): void;
  /** Raises `device_unknown`. */
  rename(publicKey: string, name: string): void;
  /** Takes a device's right away, durably, and ends its invites. Raises `device_unknown`, `last_device`, `forbidden`. */
  revoke(publicKey: string): void;
  /** Takes it from every device but one, and ends every invite; gives how many those were. */
  revokeOthers(publicKey: string): number;
  /** It has spoken just now; written down once a minute at most. */
  seen(publicKey: string): void;
  events: EventEmitter<{ added: [Owner]; revoked: [string] }>;
}

export interface OwnersOptions {
  /** @default silent */
  log?: (message: string) => void;
  now?: () => Date;
  /** Of a clock that only runs forward. */
  monotonicMs?: () => number;
}

const seenEveryMs = 60_000;

/**
 * Who may speak to this instance. Written once, from the enrolment the machine was born with; nothing the
 * control plane sends later can add to it.
 */
export function enrolOwners(path: string, enrolment: OwnerEnrolment, now = () => new Date()): void {
  if (readIfThere(path) !== null) return;
  const born = { addedAt: now().toISOString(), lastSeenAt: null };
  writeOwnersFile(path, {
    v: 2,
    owners: [
      { publicKey: enrolment.devicePublicKey, kind: 'device', name: enrolment.deviceName, ...born },
      { publicKey: enrolment.recoveryPublicKey, kind: 'recovery', name: 'Recovery code', ...born },
    ],
    pairingSecret: enrolment.pairingSecret,
    recoverySecret: enrolment.recoverySecret ?? null,
  });
}

const unknown = (): ProductError =>
  new ProductError('device_unknown', 'No such device is enrolled here.', 'Load the list of devices again.');

/**
 * Opens the file that {@link enrolOwners} wrote, in this or the former form. Further devices are added by who is
 * enrolled already: with an invite of theirs, or with the recovery code. Raises where it is missing or damaged.
 */
export function openOwners(path: string, options: OwnersOptions = {}): Owners {
  const { now = () => new Date(), monotonicMs = () => performance.now() } = options;
  let file = readOwnersFile(path, options.log);
  const events: Owners['events'] = new EventEmitter();
  // Each open channel listens.
  events.setMaxListeners(200);
  const lastWritten = new Map<string, number>();

  /** What can't be written has not happened. */
  const save = (change: Partial<OwnersFile>): void => {
    const next = { ...file, ...change };
    writeOwnersFile(path, next);
    file = next;
  };
  const change = (publicKey: string, over: Partial<Owner>): Owner[] =>
    file.owners.map((owner) => (owner.publicKey === publicKey ? { ...owner, ...over } : owner));
  const find = (publicKey: string): Owner | undefined =>
    file.owners.find((owner) => owner.publicKey === publicKey);

  const enrol: Owners['enrol'] = ({ publicKey, name }) => {
    if (find(publicKey)) return;
    if (file.owners.length >= maxOwners) {
      throw new ProductError(
        'quota_reached',
        `${maxOwners} devices are enrolled, and no more can be.`,
        'Revoke devices that are not used any more.',
      );
    }
    const at = now().toISOString();
    const owner: Owner = { publicKey, kind: 'device', name: name.slice(0, 64), addedAt: at, lastSeenAt: at };
    save({ owners: [...file.owners, owner] });
    events.emit('added', owner);
  };

  const invites = createInvites({
    now,
    monotonicMs,
    onUsed: (publicKey, name) => enrol({ publicKey, name }),
  });

  /** The secret of the first connection, for the device that has it; it serves once. */
  const firstPairing = (): Pairing | null => {
    if (file.pairingSecret === null) return null;
    return {
      secret: fromBase64Url(file.pairingSecret),
      isOpen: () => file.pairingSecret !== null,
      onPaired: () => save({ pairingSecret: null }),
    };
  };
  const recovery = (): Pairing | null => {
    if (file.recoverySecret === null) return null;
    return { secret: fromBase64Url(file.recoverySecret), isOpen: () => true, onPaired: () => undefined };
  };

  return {
    events,
    find,
    enrol,
    isEnrolled: (publicKey) => find(toBase64Url(publicKey)) !== undefined,
    list: () => file.owners,
    pairing({ peer, pairingId }) {
      if (pairingId !== undefined) return invites.find(pairingId);
      return find(toBase64Url(peer))?.kind === 'recovery' ? recovery() : firstPairing();
    },
    invite: invites.open,
    parcelFor: invites.parcelFor,
    rename(publicKey, name) {
      if (!find(publicKey)) throw unknown();
      save({ owners: change(publicKey, { name }) });
    },
    revoke(publicKey) {
      const owner = find(publicKey);
      if (!owner) throw unknown();
      if (owner.kind === 'recovery') {
        throw new ProductError(
          'forbidden',
          'The recovery code can’t be revoked: it is what gets you back in when a device is stolen.',
          'Revoke devices. Where the code itself became known to others, destroy this server and deploy anew.',
        );
      }
      if (file.owners.filter(({ kind }) => kind === 'device').length === 1) {
        throw new ProductError(
          'last_device',
          'This is the only device that can reach this server.',
          'Link another device first, then revoke this one there.',
        );
      }
      save({ owners: file.owners.filter((other) => other !== owner) });
      invites.close(publicKey);
      events.emit('revoked', publicKey);
    },
    revokeOthers(publicKey) {
      const gone = file.owners.filter((owner) => owner.kind === 'device' && owner.publicKey !== publicKey);
      save({ owners: file.owners.filter((owner) => !gone.includes(owner)), pairingSecret: null });
      invites.close();
      for (const owner of gone) events.emit('revoked', owner.publicKey);
      return gone.length;
    },
    seen(publicKey) {
      if (!find(publicKey)) return;
      const owners = change(publicKey, { lastSeenAt: now().toISOString() });
      const written = lastWritten.get(publicKey);
      if (written !== undefined && monotonicMs() - written < seenEveryMs) {
        file = { ...file, owners };
        return;
      }
      lastWritten.set(publicKey, monotonicMs());
      try {
        save({ owners });
      } catch {
        // A full disk must not keep an owner out of the machine they came to mend.
        file = { ...file, owners };
      }
    },
  };
}
