import { ready, type SecretText, toBase64Url } from '@claw-cloud/crypto';
import { inviteOf, openParcel } from '@claw-cloud/crypto/owner-keys';
import type { OwnerConnection } from '../channel/owner-channel.ts';
import { ChannelError } from '../channel/problem.ts';
import type { Keyring } from '../keyring.ts';
import {
  type DeviceFlowOptions,
  type InstanceOutcome,
  onChannel,
  reachableInstances,
  withEach,
} from './each-instance.ts';

/**
 * The other side of an invite: with the code that a linked device shows, this device gets into each server the
 * code was told to. The control plane says which servers there are and which keys they have; the code proves
 * both. Raises CryptoError `invite_code_invalid` for what is no code, before anybody is asked.
 */
export async function linkDevice(code: SecretText, options: DeviceFlowOptions): Promise<InstanceOutcome[]> {
  await ready();
  const { keyring } = options;
  // A typing error is found here, by the code's own checksum.
  inviteOf(code, 'any').secret.wipe();
  const device = await keyring.device();

  return withEach(await reachableInstances(options.api), options, async ({ id }) => {
    const before = await keyring.instance(id);
    if (before?.pinnedAgentKey !== undefined && (await isIn(options, id))) return;
    const { inviteId, secret } = inviteOf(code, id);
    const entry = {
      device,
      inviteId,
      secret: secret.use(toBase64Url),
      pin: (agentPublicKey: string) => keyring.link(id, agentPublicKey),
    };
    try {
      // An answer is the proof that the server has enrolled this device: it had to, before it read the question.
      await onChannel(options, id, entry, async (channel) => {
        await asked(options)(channel);
        await takeParcel(channel, code, keyring);
      });
    } catch (error) {
      if (!(await keyring.knows(id))) throw error;
      // The server may have let us in and its answer been lost: then the code is used, and the key gets us in.
      const isLinked = await isIn(options, id).catch(() => undefined);
      if (isLinked) return;
      if (isLinked === false && !before) await keyring.forget(id);
      throw error;
    } finally {
      secret.wipe();
    }
  });
}

/**
 * What the inviting device left: how later servers are recovered by the code its owner has already. A
 * convenience: without it this device makes a recovery code of its own.
 */
async function takeParcel(channel: OwnerConnection, code: SecretText, keyring: Keyring): Promise<void> {
  try {
    const { parcel } = await channel.command('devices.parcel', {}, { timeoutMs: 10_000 });
    const recovery = parcel === null ? undefined : openParcel(code, parcel);
    if (recovery !== undefined) await keyring.adoptRecovery(recovery);
  } catch {
    // A server of before knows nothing of parcels.
  }
}

/** A question that is answered to enrolled devices alone. */
const asked =
  ({ timeoutMs = 30_000 }: DeviceFlowOptions) =>
  (channel: OwnerConnection) =>
    channel.command('devices.list', {}, { timeoutMs });

/** Whether the server takes this device by its key. Raises where it can't be asked. */
async function isIn(options: DeviceFlowOptions, instanceId: string): Promise<boolean> {
  try {
    await onChannel(options, instanceId, null, asked(options));
    return true;
  } catch (error) {
    if (error instanceof ChannelError && refusals.has(error.code)) return false;
    throw error;
  }
}
const refusals = new Set(['device_not_enrolled', 'device_unknown', 'agent_key_mismatch', 'pairing_used']);
