import type { CredentialSecret } from '@claw-cloud/contracts';
import { createPaperMachines } from '@claw-cloud/fake-clouds';
import {
  type AccountState,
  allScopes,
  createDigitalOceanCloud,
  type DigitalOceanCloudOptions,
} from '@claw-cloud/fake-clouds/digitalocean';
import { type OpenCredential, type ProviderOptions, provider } from '../index.ts';

const endpoint = 'http://cloud.invalid';
export const account = 'team';

export const credential = (token: string): OpenCredential => ({
  use: <R>(fn: (secret: CredentialSecret) => R): R => fn({ provider: 'digitalocean', token }),
});

/** The pretend DigitalOcean without a socket, and the provider that talks to it. Waits are short but remembered. */
export async function digitaloceanInProcess(
  options: Partial<DigitalOceanCloudOptions> = {},
  more: ProviderOptions = {},
) {
  const cloud = createDigitalOceanCloud({ machines: createPaperMachines(), actionMs: 1, ...options });
  const pauses: number[] = [];
  const requests: { method: string; path: string; query: string; body: string }[] = [];
  const doFetch = (async (input: URL, init?: RequestInit) => {
    const request = new Request(input, init);
    const { pathname, search } = new URL(input);
    requests.push({ method: request.method, path: pathname, query: search, body: String(init?.body ?? '') });
    return cloud.app.fetch(request);
  }) as typeof fetch;
  const digitalocean = await provider('digitalocean', {
    endpoint,
    fetch: doFetch,
    random: () => 0.5,
    sleep: async (ms) => {
      pauses.push(ms);
      await new Promise((resolve) => setTimeout(resolve, Math.min(ms, 5)));
    },
    ...more,
  });
  const withScopes = (scopes: readonly string[] | 'all') => credential(cloud.issueToken({ account, scopes }));
  const full = withScopes('all');
  const reader = withScopes(allScopes('read'));
  const call = (who: OpenCredential, method: string, path: string, body?: unknown): Promise<Response> =>
    who.use(async ({ token }) =>
      cloud.app.fetch(
        new Request(`${endpoint}${path}`, {
          method,
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      ),
    );
  const state: AccountState = cloud.account(account);
  return { cloud, digitalocean, full, reader, withScopes, pauses, requests, call, state };
}

export const tag = 'claw-ins_000000000000000000000001';
export const name = 'claw-ins-000000000000000000000001';

/** Bodies of requests that make what an instance is made of. */
export const droplet = (more: Record<string, unknown> = {}) => ({
  name,
  size: 's-2vcpu-4gb',
  image: 'debian-13-x64',
  region: 'fra1',
  tags: [tag],
  ipv6: true,
  ...more,
});
export const wall = (more: Record<string, unknown> = {}) => ({
  name,
  outbound_rules: [{ protocol: 'icmp', ports: '0', destinations: { addresses: ['0.0.0.0/0', '::/0'] } }],
  ...more,
});
