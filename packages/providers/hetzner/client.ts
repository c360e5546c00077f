import { createJsonClient, type JsonClient, type JsonCloud } from '../http/client.ts';
import type { ProviderOptions } from '../provider.ts';
import { answeredError, unreachable } from './errors.ts';

export type HetznerClient = JsonClient;

const hetzner: JsonCloud = {
  publicEndpoint: 'https://api.hetzner.cloud/v1',
  authorization: ({ token }) => ({ authorization: `Bearer ${token}` }),
  answeredError,
  unreachable,
  firstPage: { page: 1, per_page: 50 },
  nextPage(body, asked) {
    const next = (body.meta as { pagination?: { next_page?: unknown } } | undefined)?.pagination?.next_page;
    return typeof next === 'number' && next > Number(asked.page) ? { ...asked, page: next } : null;
  },
};

/** Talks to a Hetzner Cloud API. */
export const createClient = (options: ProviderOptions): HetznerClient => createJsonClient(hetzner, options);
