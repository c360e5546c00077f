import { ProductError } from '@claw-cloud/contracts';
import { fromBase64Url } from '@claw-cloud/crypto';
import type { Pairing } from '@claw-cloud/crypto/owner-channel';

export interface Invite {
  inviteId: string;
  /** 32 bytes as base64url. */
  secret: string;
  minutes: number;
  /** What the invited device is to be given; sealed by a code that never comes here. */
  parcel?: string | undefined;
}

export interface InvitesOptions {
  /** Milliseconds of a clock that only runs forward: setting the machine's clock lengthens no invite. */
  monotonicMs: () => number;
  now: () => Date;
  /** Somebody proved the secret: enrol the key durably before returning. */
  onUsed: (publicKey: string, name: string) => void;
}

export interface Invites {
  /** Opens one in the name of a device; gives when it ends. Raises `rate_limited` where too many are open. */
  open(invite: Invite, invitedBy: string): Date;
  /** The invite of this name, or null where there is none that is open. */
  find(inviteId: string): Pairing | null;
  /** What was left for a device that an invite let in, until that invite's time is over; null for others. */
  parcelFor(publicKey: string): string | null;
  /** Ends those of one device, or all. */
  close(invitedBy?: string): void;
}

const maxOpen = 8;
/** A person mistypes a code in a way its checksum doesn't notice once in a million times: these are lost connections. */
const maxAttempts = 10;

interface Open {
  secret: Uint8Array;
  endsAtMs: number;
  attempts: number;
  invitedBy: string;
  parcel: string | undefined;
}

/**
 * The invites that are open. They live in memory: a restart ends them, and nothing on the disk lets anybody in.
 * Each ends by use, by time, and after ten handshakes that did not succeed.
 */
export function createInvites({ monotonicMs, now, onUsed }: InvitesOptions): Invites {
  const invites = new Map<string, Open>();
  const parcels = new Map<string, { text: string; endsAtMs: number }>();
  const isOpen = (inviteId: string, invite: Open): boolean =>
    invites.get(inviteId) === invite && monotonicMs() < invite.endsAtMs;
  const end = (inviteId: string): void => {
    invites.get(inviteId)?.secret.fill(0);
    invites.delete(inviteId);
  };
  const endLate = (): void => {
    for (const [inviteId, invite] of invites) if (monotonicMs() >= invite.endsAtMs) end(inviteId);
    for (const [publicKey, parcel] of parcels)
      if (monotonicMs() >= parcel.endsAtMs) parcels.delete(publicKey);
  };

  return {
    open({ inviteId, secret, minutes, parcel }, invitedBy) {
      endLate();
      if (!invites.has(inviteId) && invites.size >= maxOpen) {
        throw new ProductError(
          'rate_limited',
          `${maxOpen} codes for other devices are open already.`,
          'Use one of them, or wait some minutes until they have expired.',
        );
      }
      invites.set(inviteId, {
        secret: fromBase64Url(secret),
        endsAtMs: monotonicMs() + minutes * 60_000,
        attempts: 0,
        invitedBy,
        parcel,
      });
      return new Date(now().getTime() + minutes * 60_000);
    },
    find(inviteId) {
      endLate();
      const invite = invites.get(inviteId);
      if (!invite) return null;
      if (invite.attempts >= maxAttempts) {
        end(inviteId);
        return null;
      }
      return {
        secret: invite.secret,
        isOpen: () => isOpen(inviteId, invite),
        onAttempt() {
          invite.attempts += 1;
        },
        onPaired(peer, client) {
          const publicKey = Buffer.from(peer).toString('base64url');
          onUsed(publicKey, client.name);
          const { parcel, endsAtMs } = invite;
          if (parcel !== undefined) parcels.set(publicKey, { text: parcel, endsAtMs });
          end(inviteId);
        },
      };
    },
    parcelFor(publicKey) {
      endLate();
      return parcels.get(publicKey)?.text ?? null;
    },
    close(invitedBy) {
      for (const [inviteId, invite] of invites)
        if (invitedBy === undefined || invite.invitedBy === invitedBy) end(inviteId);
    },
  };
}
