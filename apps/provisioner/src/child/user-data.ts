import { buildUserData } from '@claw-cloud/bootstrap';
import { OwnerEnrolment, ProductError, sealedEnrolmentContext } from '@claw-cloud/contracts';
import { isCryptoError } from '@claw-cloud/crypto';
import { openSealed } from '@claw-cloud/crypto/sealed';
import { generateToken, hashToken } from '@claw-cloud/crypto/tokens';
import { loadIntakeKeys } from '../keys/key-source.ts';
import type { OperationParts } from './parts.ts';
import type { Task } from './protocol.ts';

type DeployTask = Extract<Task, { kind: 'deploy' }>;

/** Makes the one-time token, keeps its hash, and puts everything a machine needs at birth into user-data. */
export async function freshUserData(parts: OperationParts, task: DeployTask): Promise<string> {
  const { lease, bootstrap } = task;
  const { instance, credential } = lease;
  const owners = openEnrolment(parts, task);
  const token = generateToken();
  const expiresAt = new Date(parts.now().getTime() + bootstrap.registrationTtlMs).toISOString();
  await parts.notes.storeRegistration(hashToken(token), expiresAt);
  const userData = token.use((text) => {
    parts.redactor.add(text);
    return buildUserData({
      v: 1,
      instanceId: instance.id,
      controlPlaneUrl: bootstrap.controlPlaneUrl,
      registrationToken: text,
      agent: bootstrap.agent,
      openclaw: { version: bootstrap.openclawVersion },
      ...(bootstrap.npmRegistry === null ? {} : { sources: { npm: bootstrap.npmRegistry } }),
      owners,
    });
  });
  token.wipe();
  parts.redactor.add(owners.pairingSecret);
  if (owners.recoverySecret) parts.redactor.add(owners.recoverySecret);
  parts.log('info', 'user-data made', { credential: credential.id, bytes: Buffer.byteLength(userData) });
  return userData;
}

function openEnrolment(parts: OperationParts, task: DeployTask): OwnerEnrolment {
  const { enrolment, credential, instance } = task.lease;
  const damaged = (message: string, cause?: unknown) =>
    new ProductError('sealed_box_invalid', message, 'Deploy again from a current version of the page.', {
      cause,
    });
  if (enrolment === null) throw damaged('What the browser sealed for this server is no longer there.');
  const intake = loadIntakeKeys(parts.settings.intake);
  try {
    const opened = openSealed(
      intake.byKid,
      enrolment,
      sealedEnrolmentContext(credential.ownerId, instance.id),
    );
    const parsed = opened.use((text) => OwnerEnrolment.safeParse(parseJson(text)));
    opened.wipe();
    if (!parsed.success) throw damaged('What the browser sealed for this server has another form.');
    return parsed.data;
  } catch (error) {
    if (isCryptoError(error)) throw damaged(error.message, { code: error.code });
    throw error;
  } finally {
    for (const pair of Object.values(intake.byKid)) pair.privateKey.wipe();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
