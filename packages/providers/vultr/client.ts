import { ProductError } from '@claw-cloud/contracts';
import { createJsonClient, type JsonClient } from '../http/client.ts';
import type { ProviderOptions } from '../provider.ts';
import { answeredError, unreachable } from './errors.ts';

export const publicEndpoint = 'https://api.vultr.com';

/** What Vultr gives at most in one page. */
const pageSize = 500;

interface Meta {
  readonly links?: { readonly next?: unknown };
}

/** Vultr has answered 400 and 404 for a server that is gone; the shared client knows the latter. */
async function nullWhenGone<T>(asked: Promise<T | null>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ProductError && error.code === 'server_missing') return null;
    throw error;
  }
}

/** Talks to Vultr's API, version 2. */
export function createClient(options: ProviderOptions): JsonClient {
  const egress = options.egressAddresses ?? [];
  const client = createJsonClient(
    {
      publicEndpoint,
      authorization: ({ apiKey = '' }) => ({ authorization: `Bearer ${apiKey}` }),
      answeredError: (answer) => answeredError(answer, egress),
      unreachable,
      firstPage: { per_page: pageSize },
      nextPage: ({ meta }, { cursor, ...asked }) => {
        const next = (meta as Meta | undefined)?.links?.next;
        // The same cursor twice would go on for ever.
        return typeof next === 'string' && next !== '' && next !== cursor ? { ...asked, cursor: next } : null;
      },
    },
    options,
  );
  return {
    ...client,
    get: (...asked) => nullWhenGone(client.get(...asked)),
    send: (...asked) => nullWhenGone(client.send(...asked)),
  };
}
