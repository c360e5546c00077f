import { z } from 'zod';

export const Base64Url = z.string().regex(/^[A-Za-z0-9_-]+$/, 'must be base64url without padding');
export const PublicKey = Base64Url.length(43, 'must be 32 bytes as base64url');
export const Timestamp = z.iso.datetime({ offset: true });
/** A cloud's id. Which ones there are is known to the registry of `@claw-cloud/providers` alone. */
export const ProviderId = z
  .string()
  .regex(/^[a-z][a-z0-9]{1,29}$/, 'must be a cloud’s id: 2 to 30 small letters and digits');
export type ProviderId = z.infer<typeof ProviderId>;
export const Name = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(60, 'must be at most 60 characters')
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._'()-]*$/u, 'may hold letters, digits, spaces and . _ - ( )');

/** A libsodium sealed box for the provisioner's intake key named by `kid`. */
export const Sealed = z.object({ kid: z.string().min(1).max(64), box: Base64Url.max(96 * 1024) });
export type Sealed = z.infer<typeof Sealed>;
