import { CredentialSecret, ProductError } from '@claw-cloud/contracts';
import { isCryptoError, type Secret, secret } from '@claw-cloud/crypto';
import { type Envelope, type KeyRing, openEnvelope, sealEnvelope } from '@claw-cloud/crypto/kek';
import type { OpenCredential } from '@claw-cloud/providers';

export const credentialField = 'credential';
export const stackPassphraseField = 'stack-passphrase';

/** The credential as bytes of JSON that can be wiped; parsed anew for each use. */
export interface WipeableCredential extends OpenCredential {
  readonly bytes: Secret<Uint8Array>;
  wipe(): void;
}

/** Wraps the JSON bytes of a credential; wiping it wipes them. Raises `credential_rejected` for another shape. */
export function credentialOf(bytes: Uint8Array): WipeableCredential {
  const held = secret(bytes);
  const parse = (json: Uint8Array): CredentialSecret => {
    try {
      return CredentialSecret.parse(JSON.parse(Buffer.from(json).toString('utf8')));
    } catch {
      throw new ProductError(
        'credential_rejected',
        'What was sealed is not a credential of this cloud.',
        'Enter the credential again.',
      );
    }
  };
  return {
    bytes: held,
    use: (fn) => held.use((json) => fn(parse(json))),
    wipe: () => held.wipe(),
  };
}

/** Opens a stored secret of an owner's record. Raises `envelope_damaged` with the exact reason in the message. */
export function openStored(
  ring: KeyRing,
  envelope: Envelope,
  context: { owner: string; record: string; field: string },
): Secret<Uint8Array> {
  try {
    return openEnvelope(ring, context, envelope);
  } catch (error) {
    if (!isCryptoError(error)) throw error;
    throw new ProductError('envelope_damaged', error.message, error.fix, { cause: { code: error.code } });
  }
}

/** Opens a stored credential; the caller wipes it. */
export function openCredential(
  ring: KeyRing,
  credential: { readonly id: string; readonly ownerId: string; readonly envelope: Envelope },
): WipeableCredential {
  const opened = openStored(ring, credential.envelope, {
    owner: credential.ownerId,
    record: credential.id,
    field: credentialField,
  });
  return opened.use((bytes) => credentialOf(bytes));
}

/** Encrypts a verified credential under a fresh data key for its row. */
export function storeCredential(
  ring: KeyRing,
  credential: { readonly id: string; readonly ownerId: string },
  secretBytes: Secret<Uint8Array>,
): Envelope {
  return sealEnvelope(
    ring,
    { owner: credential.ownerId, record: credential.id, field: credentialField },
    secretBytes,
  );
}
