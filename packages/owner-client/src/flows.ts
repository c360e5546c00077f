import {
  type Credential,
  type CredentialSecret,
  type Instance,
  newId,
  type Operation,
} from '@claw-cloud/contracts';
import { fromBase64Url, toBase64Url } from '@claw-cloud/crypto';
import { recoverySecretOf } from '@claw-cloud/crypto/owner-keys';
import type { ApiClient } from './api-client.ts';
import { createBackoff, pause } from './backoff.ts';
import type { Keyring } from './keyring.ts';
import { isProblem } from './problem.ts';
import { sealCredential, sealEnrolment } from './seal.ts';

type FlowApi = Pick<ApiClient, 'intakeKey' | 'addCredential' | 'deployInstance'>;

/** A recovery code is shown once: whoever starts the flow shows it and acknowledges that it was kept. */
export interface PreparedDeploy {
  readonly instanceId: string;
  /** Present while no code was acknowledged: to be shown, printed or copied before {@link submit}. */
  readonly recoveryCode: string | undefined;
  /** The owner has kept the code. */
  acknowledge(): Promise<void>;
  /** Sends the request; may be called again after an error: the same id never makes a second machine. */
  submit(): Promise<{ instance: Instance; operation: Operation }>;
}

export interface DeployInput {
  readonly credentialId: string;
  readonly name: string;
  readonly region: string;
  readonly size: string;
  readonly expectedMonthlyPrice: number;
}

/**
 * Seals a credential and adds it. It is then `verifying`: the provisioner asks the cloud. An intake key that
 * changed in between is fetched again, once.
 */
export async function addCredential(
  api: FlowApi,
  ownerId: string,
  input: { name: string; secret: CredentialSecret; id?: string },
): Promise<Credential> {
  const id = input.id ?? newId('credential');
  return withCurrentIntakeKey(async () => {
    const sealed = await sealCredential(await api.intakeKey(), ownerId, id, input.secret);
    return insist(() => api.addCredential({ id, provider: input.secret.provider, name: input.name, sealed }));
  });
}

/**
 * Makes everything a deploy needs on this device, the pairing secret first and durably, and seals the
 * enrolment when submitted. Nothing is sent before `submit`.
 */
export async function prepareDeploy(
  api: FlowApi,
  keyring: Keyring,
  input: DeployInput,
  instanceId: string = newId('instance'),
): Promise<PreparedDeploy> {
  const recovery = await keyring.recovery();
  const keys = await keyring.prepareInstance(instanceId);
  const device = await keyring.device();
  return {
    instanceId,
    recoveryCode: recovery.code?.use((code) => code),
    acknowledge: () => keyring.acknowledgeRecovery(recovery.publicKey),
    submit: () =>
      withCurrentIntakeKey(async () => {
        const enrolment = await sealEnrolment(await api.intakeKey(), keyring.ownerId, instanceId, {
          devicePublicKey: keys.devicePublicKey,
          deviceName: device.name,
          recoveryPublicKey: recovery.publicKey,
          pairingSecret: keys.pairingSecret,
          recoverySecret: recoverySecretOf(fromBase64Url(recovery.secret), instanceId).use(toBase64Url),
        });
        return insist(() => api.deployInstance({ id: instanceId, ...input, enrolment }));
      }),
  };
}

/** {@link prepareDeploy} and submit in one, for callers who show the recovery code afterwards. */
export async function deploy(
  api: FlowApi,
  keyring: Keyring,
  input: DeployInput,
): Promise<{ instance: Instance; operation: Operation; recoveryCode: string | undefined }> {
  const prepared = await prepareDeploy(api, keyring, input);
  await prepared.acknowledge();
  return { ...(await prepared.submit()), recoveryCode: prepared.recoveryCode };
}

async function withCurrentIntakeKey<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isProblem(error, 'intake_key_unknown')) throw error;
    return work();
  }
}

/** Repeats a request that got no answer (three tries): its id makes the repetition harmless. */
async function insist<T>(work: () => Promise<T>): Promise<T> {
  const backoff = createBackoff();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isProblem(error, 'unavailable') || attempt === 3) throw error;
      await pause(backoff.next());
    }
  }
}
