import { ready, toBase64Url } from '@claw-cloud/crypto';
import { generateIdentity } from '@claw-cloud/crypto/signing';
import type { Database } from '@claw-cloud/db';
import { bootingInstance, registrationOf } from '@claw-cloud/db/testing';

/** An instance that has booted and registered the identity's public key. */
export async function registeredInstance(db: Database, ownerId?: string) {
  await ready();
  const identity = generateIdentity();
  const booting = await bootingInstance(db, ownerId);
  await db.machine.register(booting.tokenHash, {
    ...registrationOf(booting.instance.id),
    identityPublicKey: toBase64Url(identity.publicKey),
  });
  return { instanceId: booting.instance.id, ownerId: booting.ownerId, identity };
}
