import { createJsonClient, type JsonClient } from '../http/client.ts';
import type { ProviderOptions } from '../provider.ts';
import { answeredError, unreachable } from './errors.ts';

export const publicEndpoint = 'https://api.digitalocean.com';

/** What DigitalOcean gives at most in one page. */
const pageSize = 200;

interface Links {
  readonly pages?: { readonly next?: unknown };
}

/** Talks to DigitalOcean's API, version 2. */
export function createClient(options: ProviderOptions): JsonClient {
  return createJsonClient(
    {
      publicEndpoint,
      authorization: ({ token = '' }) => ({ authorization: `Bearer ${token}` }),
      answeredError,
      unreachable,
      firstPage: { page: 1, per_page: pageSize },
      // The link says whether there is more; where it points is not believed.
      nextPage: ({ links }, { page, ...asked }) =>
        typeof (links as Links | undefined)?.pages?.next === 'string'
          ? { ...asked, page: Number(page) + 1 }
          : null,
    },
    options,
  );
}
