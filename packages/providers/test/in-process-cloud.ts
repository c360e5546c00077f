import type { CredentialSecret } from '@claw-cloud/contracts';
import { createHetznerCloud, createPaperMachines, type HetznerCloudOptions } from '@claw-cloud/fake-clouds';
import { type OpenCredential, type ProviderOptions, provider } from '../index.ts';

const endpoint = 'http://cloud.invalid/v1';

export const credential = (token: string): OpenCredential => ({
  use: <R>(fn: (secret: CredentialSecret) => R): R => fn({ provider: 'hetzner', token }),
});

/** The fake cloud without a socket, and the provider that talks to it. Waits take no time but are remembered. */
export async function inProcessCloud(options: Partial<HetznerCloudOptions> = {}, more: ProviderOptions = {}) {
  const cloud = createHetznerCloud({
    machines: createPaperMachines(),
    actionMs: 1,
    ...options,
  });
  const pauses: number[] = [];
  const doFetch = (async (input: URL, init?: RequestInit) => {
    const request = new Request(input, init);
    return cloud.app.fetch(request);
  }) as typeof fetch;
  const hetzner = await provider('hetzner', {
    endpoint,
    fetch: doFetch,
    random: () => 0.5,
    sleep: async (ms) => {
      pauses.push(ms);
      await new Promise((resolve) => setTimeout(resolve, Math.min(ms, 5)));
    },
    ...more,
  });
  const readWrite = credential(cloud.issueToken({ project: 'p', powers: 'read_write' }));
  const readOnly = credential(cloud.issueToken({ project: 'p', powers: 'read' }));
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
  return { cloud, hetzner, readWrite, readOnly, pauses, call };
}

export const tag = 'claw-ins_000000000000000000000001';
export const labels = { 'claw-cloud': tag };
