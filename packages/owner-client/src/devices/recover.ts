import { ready, type SecretText, toBase64Url } from '@claw-cloud/crypto';
import { recoveryKeyPair, recoverySecret, recoverySecretOf } from '@claw-cloud/crypto/owner-keys';
import { ChannelError } from '../channel/problem.ts';
import {
  type DeviceFlowOptions,
  type InstanceOutcome,
  onChannel,
  reachableInstances,
  withEach,
} from './each-instance.ts';

export interface RecoverOptions extends DeviceFlowOptions {
  /** Ends the right of every other device: where one was stolen or lost. @default false */
  readonly revokeOthers?: boolean;
}

/**
 * Gets back in with nothing but the recovery code: its key proves the owner to each server, its secret proves
 * each server to the owner, and this device is enrolled. Nothing but a failure is believed of the control plane.
 * Raises CryptoError `recovery_code_invalid` for what is no code, before anybody is asked.
 */
export async function recover(code: SecretText, options: RecoverOptions): Promise<InstanceOutcome[]> {
  await ready();
  const { keyring, revokeOthers = false } = options;
  const keyPair = recoveryKeyPair(code);
  const proof = recoverySecret(code);
  try {
    const own = await keyring.device();
    const device = { name: 'Recovery code', publicKey: toBase64Url(keyPair.publicKey), keyPair };
    const outcomes = await withEach(await reachableInstances(options.api), options, async ({ id }) => {
      let agentPublicKey = '';
      const entry = {
        device,
        secret: recoverySecretOf(proof, id).use(toBase64Url),
        async pin(proven: string) {
          agentPublicKey = proven;
        },
      };
      const params = { publicKey: own.publicKey, name: own.name, revokeOthers };
      try {
        await onChannel(options, id, entry, (channel) => channel.command('devices.enrol', params));
      } catch (error) {
        throw inWords(error);
      }
      await keyring.link(id, agentPublicKey);
    });
    // The same code is to serve for servers deployed from here.
    if (outcomes.some(({ problem }) => problem === null)) await keyring.useRecoveryCode(code);
    return outcomes;
  } finally {
    proof.wipe();
    keyPair.privateKey.wipe();
  }
}

/** A server's refusals mean something else here than to a device. */
function inWords(error: unknown): unknown {
  if (!(error instanceof ChannelError)) return error;
  if (error.code === 'device_not_enrolled') {
    return new ChannelError(
      'recovery_code_unknown',
      'This server was deployed with another recovery code.',
      'Try the other codes you have kept.',
    );
  }
  if (error.code === 'pairing_used') {
    return new ChannelError(
      'recovery_unsupported',
      'This server was deployed before recovery codes could prove a server to you.',
      'Link this browser by a code from one that is linked already.',
    );
  }
  return error;
}
