import { z } from 'zod';
import { Name, ProviderId, Sealed, Timestamp } from './common.ts';
import { Failure } from './errors.ts';
import { CredentialId } from './ids.ts';

export const IntakeKey = z.object({ kid: z.string(), publicKey: z.string() });
export type IntakeKey = z.infer<typeof IntakeKey>;

/**
 * The secret a person types: the fields that the cloud's descriptor asks for, by their names. Sealed in the browser,
 * opened by the provisioner alone, which hands it to the cloud's own code; that one knows the fields' shapes.
 */
export const CredentialSecret = z
  .object({ provider: ProviderId })
  .catchall(z.string().min(1).max(4000))
  .refine((secret) => Object.keys(secret).length <= 12, { error: 'must have at most 12 fields' });
export type CredentialSecret = z.infer<typeof CredentialSecret>;

/**
 * The context sealed in with a credential: what keeps a blob from being replayed elsewhere.
 * purpose is 'credential'; record is the credential's id.
 */
export const sealedCredentialContext = (ownerId: string, credentialId: string, provider: ProviderId) => ({
  purpose: 'credential',
  ownerId,
  credentialId,
  provider,
});

export const AddCredential = z.object({ id: CredentialId, provider: ProviderId, name: Name, sealed: Sealed });
export type AddCredential = z.infer<typeof AddCredential>;

export const CredentialState = z.enum(['verifying', 'ready', 'rejected']);
export type CredentialState = z.infer<typeof CredentialState>;

/** What the cloud says the credential is, as far as it may be shown. */
export const CloudAccount = z.object({ label: z.string().max(200), detail: z.string().max(200).optional() });
export type CloudAccount = z.infer<typeof CloudAccount>;

export const MissingPermission = z.object({
  permission: z.string().max(200),
  neededFor: z.string().max(300),
  fix: z.string().max(500),
  /** Where it is put right. */
  link: z.string().max(500).optional(),
});
export type MissingPermission = z.infer<typeof MissingPermission>;

export const Credential = z.object({
  id: CredentialId,
  provider: ProviderId,
  name: z.string(),
  state: CredentialState,
  account: CloudAccount.nullable(),
  missing: z.array(MissingPermission),
  failure: Failure.nullable(),
  keyVersion: z.number().int().nullable(),
  createdAt: Timestamp,
  verifiedAt: Timestamp.nullable(),
});
export type Credential = z.infer<typeof Credential>;

export const Region = z.object({
  id: z.string().max(60),
  name: z.string().max(120),
  country: z.string().max(2),
  city: z.string().max(80),
});
export type Region = z.infer<typeof Region>;

export const Size = z.object({
  id: z.string().max(60),
  name: z.string().max(120),
  cpus: z.number(),
  memoryMb: z.number().int(),
  diskGb: z.number().int(),
  architecture: z.enum(['x86', 'arm']),
  /** Below the recommended memory, but allowed. */
  small: z.boolean(),
  /** Prices and availability by region; a region that is absent doesn't offer the size. */
  offers: z.array(
    z.object({
      region: z.string(),
      available: z.boolean(),
      monthly: z.number(),
      hourly: z.number(),
    }),
  ),
});
export type Size = z.infer<typeof Size>;

export const Catalogue = z.object({
  provider: ProviderId,
  currency: z.string().length(3),
  regions: z.array(Region).max(200),
  sizes: z.array(Size).max(500),
  image: z.string(),
  fetchedAt: Timestamp,
});
export type Catalogue = z.infer<typeof Catalogue>;

/** The answer to whoever asks for prices of today: the catalogue as it stands, and whether the cloud is being asked. */
export const CatalogueRenewal = z.object({ catalogue: Catalogue, asked: z.boolean() });
export type CatalogueRenewal = z.infer<typeof CatalogueRenewal>;

/** OpenClaw is killed for lack of memory below this. */
export const minimumMemoryMb = 2000;
export const recommendedMemoryMb = 4000;
