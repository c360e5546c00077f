import { ProductError } from '@claw-cloud/contracts';
import type { OpenCredential } from '../provider.ts';
import { descriptor, tokensUrl } from './descriptor.ts';

const field = descriptor.methods[0]?.fields[0];

/** Raises `credential_rejected` for what is no token of DigitalOcean, before it is sent anywhere. */
export function requireTokenShape(credential: OpenCredential): void {
  const shape = new RegExp(field?.pattern ?? '^$');
  if (credential.use(({ token = '' }) => shape.test(token))) return;
  throw new ProductError(
    'credential_rejected',
    `This is not an API token of DigitalOcean. ${field?.hint ?? ''}`,
    'Copy the whole token; when you no longer have it, generate a new one under API, Tokens.',
    { link: tokensUrl },
  );
}
