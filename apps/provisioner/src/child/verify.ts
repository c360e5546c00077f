import { ProductError, type ProviderId, sealedCredentialContext, toFailure } from '@claw-cloud/contracts';
import { isCryptoError } from '@claw-cloud/crypto';
import type { KeyRing } from '@claw-cloud/crypto/kek';
import { openSealed } from '@claw-cloud/crypto/sealed';
import type { OpenCredential } from '@claw-cloud/providers';
import { loadIntakeKeys } from '../keys/key-source.ts';
import { credentialOf, openCredential, storeCredential, type WipeableCredential } from './open-credential.ts';
import { openCloud } from './parts.ts';
import type { ChildSettings, Task, TaskResult } from './protocol.ts';

type VerifyTask = Extract<Task, { kind: 'verify' }>;
type CatalogueTask = Extract<Task, { kind: 'catalogue' }>;

interface Parts {
  readonly settings: ChildSettings;
  readonly ring: KeyRing;
  readonly signal: AbortSignal;
  auditUse(purpose: string): Promise<void>;
}

const retyped = 'Enter the credential again.';

function sealedError(error: unknown): unknown {
  if (!isCryptoError(error)) return error;
  if (error.code === 'sealed_key_unknown')
    return new ProductError('intake_key_unknown', error.message, error.fix);
  if (error.code === 'sealed_context_mismatch')
    return new ProductError('credential_context_mismatch', error.message, error.fix);
  return new ProductError('sealed_box_invalid', error.message, error.fix);
}

function openSealedCredential({ settings }: Parts, { credential }: VerifyTask): WipeableCredential {
  const intake = loadIntakeKeys(settings.intake);
  try {
    const context = sealedCredentialContext(credential.ownerId, credential.id, credential.provider);
    const opened = openSealed(intake.byKid, credential.sealed, context);
    const bytes = opened.use((text) => new TextEncoder().encode(text));
    opened.wipe();
    return credentialOf(bytes);
  } catch (error) {
    throw sealedError(error);
  } finally {
    for (const pair of Object.values(intake.byKid)) pair.privateKey.wipe();
  }
}

function requireProvider(credential: OpenCredential, expected: ProviderId): void {
  if (credential.use((secret) => secret.provider) === expected) return;
  throw new ProductError('credential_context_mismatch', 'The credential is one of another cloud.', retyped);
}

/**
 * Opens a sealed credential, asks its cloud who it is and what it may do, and encrypts it for its row. A credential that
 * can't deploy is rejected with the reason; a cloud that doesn't answer decides nothing.
 */
export async function verify(parts: Parts, task: VerifyTask): Promise<TaskResult> {
  const { credential: row } = task;
  const rejected = (
    error: ProductError,
    more: Partial<Extract<TaskResult, { kind: 'verification' }>['result']> = {},
  ): TaskResult => ({
    kind: 'verification',
    result: {
      state: 'rejected',
      account: null,
      missing: [],
      failure: toFailure(error, 'verifying'),
      envelope: null,
      catalogue: null,
      ...more,
    },
  });
  let opened: WipeableCredential | null = null;
  try {
    const credential = openSealedCredential(parts, task);
    opened = credential;
    requireProvider(credential, row.provider);
    await parts.auditUse('verify');
    const cloud = await openCloud(parts.settings, row.provider, parts.signal);
    const account = await cloud.whoAmI(credential);
    const missing = await cloud.missingPermissions(credential);
    if (missing.length > 0) {
      const names = missing.map(({ permission }) => `"${permission}"`).join(', ');
      const fix = missing[0]?.fix ?? retyped;
      return rejected(new ProductError('credential_powerless', `The credential lacks ${names}.`, fix), {
        account,
        missing,
      });
    }
    const catalogue = await cloud.catalogue(credential);
    return {
      kind: 'verification',
      result: {
        state: 'ready',
        account,
        missing,
        failure: null,
        envelope: storeCredential(parts.ring, row, credential.bytes),
        catalogue,
      },
    };
  } catch (error) {
    if (!(error instanceof ProductError)) throw error;
    // Passing troubles of the cloud say nothing about the credential; an unknown key comes back with no rotation.
    if (error.retryable && error.code !== 'intake_key_unknown')
      return { kind: 'unverified', failure: toFailure(error, 'verifying') };
    return rejected(error);
  } finally {
    opened?.wipe();
  }
}

/** Reads prices and availability anew with a stored credential. */
export async function refreshCatalogue(
  parts: Parts,
  { credential: row }: CatalogueTask,
): Promise<TaskResult> {
  const credential = openCredential(parts.ring, row);
  try {
    await parts.auditUse('catalogue');
    const cloud = await openCloud(parts.settings, row.provider, parts.signal);
    return { kind: 'catalogue', catalogue: await cloud.catalogue(credential) };
  } finally {
    credential.wipe();
  }
}
