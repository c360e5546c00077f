import {
  CredentialSecret,
  type IntakeKey,
  OwnerEnrolment,
  type Sealed,
  sealedCredentialContext,
  sealedEnrolmentContext,
} from '@claw-cloud/contracts';
import { fromBase64Url, ready } from '@claw-cloud/crypto';
import { sealFor } from '@claw-cloud/crypto/sealed';

/**
 * Seals a cloud credential for the provisioner: the api that carries and stores it can't open it. The owner,
 * the credential's id and the provider are sealed in, so the blob is worth nothing anywhere else.
 */
export async function sealCredential(
  intake: IntakeKey,
  ownerId: string,
  credentialId: string,
  credential: CredentialSecret,
): Promise<Sealed> {
  await ready();
  const parsed = CredentialSecret.parse(credential);
  const context = sealedCredentialContext(ownerId, credentialId, parsed.provider);
  return sealFor(openIntake(intake), context, JSON.stringify(parsed));
}

/** Seals what the machine must know of its owner (public keys and the pairing secret) for the provisioner. */
export async function sealEnrolment(
  intake: IntakeKey,
  ownerId: string,
  instanceId: string,
  enrolment: OwnerEnrolment,
): Promise<Sealed> {
  await ready();
  const context = sealedEnrolmentContext(ownerId, instanceId);
  return sealFor(openIntake(intake), context, JSON.stringify(OwnerEnrolment.parse(enrolment)));
}

const openIntake = (intake: IntakeKey) => ({ kid: intake.kid, publicKey: fromBase64Url(intake.publicKey) });
