import { ready, toBase64Url } from '@claw-cloud/crypto';
import { generateInviteCode, inviteOf, sealParcel } from '@claw-cloud/crypto/owner-keys';
import type { OwnerConnection } from '../channel/owner-channel.ts';
import { ChannelError } from '../channel/problem.ts';
import {
  type DeviceFlowOptions,
  type InstanceOutcome,
  onChannel,
  reachableInstances,
  withEach,
} from './each-instance.ts';

export interface Invitation {
  /** For the other device alone: shown, typed or scanned, never sent through the control plane. */
  readonly code: string;
  /** The same as a link for a QR code; the code stands in its fragment, which browsers send to nobody. */
  readonly link: string;
  /** When the servers forget it, by this computer's clock: theirs may be wrong, and they count without one. */
  readonly expiresAt: Date;
  readonly outcomes: readonly InstanceOutcome[];
}

export interface InviteOptions extends DeviceFlowOptions {
  /** @default 10 */
  readonly minutes?: number;
  /** A connection that is open already; one of its own is made for the others. */
  readonly connectionOf?: (instanceId: string) => OwnerConnection | undefined;
  readonly now?: () => number;
}

/**
 * Lets another device of the same owner in: makes a code, and tells each server that this device can reach what
 * it is to that server. Only who knows the code gets in, and only while it lasts. Raises the first server's
 * {@link ChannelError} where none could be told.
 */
export async function inviteDevice(options: InviteOptions): Promise<Invitation> {
  await ready();
  const code = generateInviteCode();
  const instances = await reachableInstances(options.api);
  const known: typeof instances = [];
  for (const instance of instances) if (await options.keyring.knows(instance.id)) known.push(instance);
  if (known.length === 0) {
    throw new ChannelError(
      'device_unknown',
      'This browser can reach no server that another device could be let into.',
      'Open the list of devices in a browser that is linked.',
    );
  }
  const { minutes = 10, now = Date.now } = options;
  // Each server counts from when it was told, which is not before this.
  const expiresAt = new Date(now() + minutes * 60_000);
  const recovery = await options.keyring.recoveryForOthers();
  const parcel = recovery === undefined ? {} : { parcel: sealParcel(code, recovery) };
  const outcomes = await withEach(known, options, async ({ id }) => {
    const invite = inviteOf(code, id);
    const secret = invite.secret.use(toBase64Url);
    const params = { inviteId: invite.inviteId, secret, minutes, ...parcel };
    const tell = (channel: OwnerConnection) => channel.command('devices.invite', params);
    const open = options.connectionOf?.(id);
    await (open?.state().status === 'open' ? tell(open) : onChannel(options, id, null, tell));
  });
  const failed = outcomes.map(({ problem }) => problem);
  if (failed[0] && !failed.includes(null)) throw failed[0];
  const text = code.use((plain) => plain);
  return {
    code: text,
    link: inviteLink(options.baseUrl, text),
    expiresAt,
    outcomes,
  };
}

/** A link that opens the page where a code is entered, with the code in it. */
export function inviteLink(baseUrl: string, code: string): string {
  return `${baseUrl}/#/link?${new URLSearchParams({ code })}`;
}

/** The code of {@link inviteLink}'s fragment (with or without its #), or of a code alone; undefined for others. */
export function parseInviteLink(text: string): string | undefined {
  const query = /#?\/link\?(.{1,500})$/s.exec(text.slice(0, 2000))?.[1];
  if (query !== undefined) return new URLSearchParams(query).get('code') ?? undefined;
  return /^[\sA-Za-z0-9-]{36,120}$/.test(text) ? text : undefined;
}
