import { z } from 'zod';

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';
const bodyLength = 24;

export const idPrefixes = {
  instance: 'ins',
  credential: 'crd',
  operation: 'opn',
  auditEvent: 'evt',
  grant: 'grt',
  backup: 'bak',
  stray: 'str',
} as const;
export type IdKind = keyof typeof idPrefixes;

const idPattern = (kind: IdKind) => new RegExp(`^${idPrefixes[kind]}_[0-9a-z]{${bodyLength}}$`);

export const InstanceId = z
  .string()
  .regex(idPattern('instance'), 'must look like ins_ and 24 letters or digits');
export const CredentialId = z
  .string()
  .regex(idPattern('credential'), 'must look like crd_ and 24 letters or digits');
export const OperationId = z
  .string()
  .regex(idPattern('operation'), 'must look like opn_ and 24 letters or digits');

export const GrantId = z.string().regex(idPattern('grant'), 'must look like grt_ and 24 letters or digits');
export const BackupId = z.string().regex(idPattern('backup'), 'must look like bak_ and 24 letters or digits');
export const StrayId = z.string().regex(idPattern('stray'), 'must look like str_ and 24 letters or digits');

/**
 * Makes an id of 24 random characters (124 bits) behind the kind's prefix.
 * `randomBytes` returns that many random bytes; the default is the platform's generator.
 */
export function newId(
  kind: IdKind,
  randomBytes: (size: number) => Uint8Array = (size) =>
    globalThis.crypto.getRandomValues(new Uint8Array(size)),
): string {
  let body = '';
  // 252 is the largest multiple of 36 below 256: bytes above it would favour the first letters.
  while (body.length < bodyLength)
    for (const byte of randomBytes(32))
      if (byte < 252 && body.length < bodyLength) body += alphabet[byte % alphabet.length];
  return `${idPrefixes[kind]}_${body}`;
}

/** The tag every cloud resource of an instance bears, known before the first cloud call. */
export const cloudTag = (instanceId: string): string => `claw-${instanceId}`;

/** The tag in a form that is also a host name: clouds take server names as host names. */
export const cloudName = (instanceId: string): string => cloudTag(instanceId).replaceAll('_', '-');

/** The label under which clouds with key-value labels carry the tag. */
export const cloudLabelKey = 'claw-cloud';
