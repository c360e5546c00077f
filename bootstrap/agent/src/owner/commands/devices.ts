import { ProductError } from '@claw-cloud/contracts';
import type { CommandContext, Handlers } from './context.ts';

const done = { ok: true } as const;

const record = (
  { audit, device }: CommandContext,
  action: string,
  detail: Record<string, unknown> = {},
): void => void audit.record({ actor: `owner:${device.name}`, action, outcome: 'succeeded', detail });

/** Who may speak to this server. */
export const deviceCommands = {
  'devices.list': async (_, { owners, device }) => ({
    devices: owners.list().map((owner) => ({ ...owner, current: owner.publicKey === device.publicKey })),
  }),

  'devices.revoke': async ({ publicKey }, context) => {
    const { owners } = context;
    const name = owners.find(publicKey)?.name;
    owners.revoke(publicKey);
    record(context, 'device.revoke', { name, publicKey });
    return done;
  },

  'devices.invite': async (invite, context) => {
    const endsAt = context.owners.invite(invite, context.device.publicKey);
    record(context, 'device.invite', { endsAt: endsAt.toISOString() });
    return { expiresAt: endsAt.toISOString() };
  },

  'devices.parcel': async (_, { owners, device }) => ({ parcel: owners.parcelFor(device.publicKey) }),

  'devices.enrol': async ({ publicKey, name, revokeOthers }, context) => {
    const { owners, device } = context;
    if (device.kind !== 'recovery') {
      throw new ProductError(
        'forbidden',
        'Only the recovery code may enrol a device by itself.',
        'Invite the device instead: it is then proven by a code.',
      );
    }
    owners.enrol({ publicKey, name });
    const revoked = revokeOthers ? owners.revokeOthers(publicKey) : 0;
    record(context, 'device.recover', { name, publicKey, revoked });
    return { revoked };
  },

  'devices.rename': async ({ publicKey, name }, context) => {
    const former = context.owners.find(publicKey)?.name;
    context.owners.rename(publicKey, name);
    record(context, 'device.rename', { former, name, publicKey });
    return done;
  },
} satisfies Handlers;
