import { ProductError } from '@claw-cloud/contracts';
import type { OpenCredential } from '../provider.ts';
import { apiUrl, descriptor } from './descriptor.ts';

const field = descriptor.methods[0]?.fields[0];

/** Raises `credential_rejected` for what is no key of Vultr, before it is sent anywhere. */
export function requireKeyShape(credential: OpenCredential): void {
  const shape = new RegExp(field?.pattern ?? '^$');
  if (credential.use(({ apiKey = '' }) => shape.test(apiKey))) return;
  throw new ProductError(
    'credential_rejected',
    `This is not an API key of Vultr. ${field?.hint ?? ''}`,
    'Copy the whole key; when you no longer have it, make a new one under Account, API.',
    { link: apiUrl },
  );
}
