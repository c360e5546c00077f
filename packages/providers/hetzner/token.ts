import { ProductError } from '@claw-cloud/contracts';
import type { OpenCredential } from '../provider.ts';
import { consoleUrl } from './meanings.ts';

const tokenLength = 64;

/** Hetzner's tokens are 64 letters and digits, and the engine's plugin takes no others. Raises `credential_rejected`. */
export function requireTokenShape(credential: OpenCredential): void {
  const length = credential.use(({ token = '' }) => (/^[0-9A-Za-z]+$/.test(token) ? token.length : 0));
  if (length === tokenLength) return;
  throw new ProductError(
    'credential_rejected',
    length === 0
      ? 'This is not an API token of Hetzner: it holds other characters than letters and digits.'
      : `This is not an API token of Hetzner: it has ${length} characters instead of ${tokenLength}.`,
    'Copy the whole token from Security, API tokens in the project.',
    { link: consoleUrl },
  );
}
