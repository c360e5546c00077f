import type { CredentialSecret } from '@claw-cloud/contracts';
import { createPaperMachines } from '@claw-cloud/fake-clouds';
import { createVultrCloud, type VultrCloudOptions } from '@claw-cloud/fake-clouds/vultr';
import { type OpenCredential, type ProviderOptions, provider } from '../index.ts';

const endpoint = 'http://cloud.invalid';

export const credential = (apiKey: string): OpenCredential => ({
  use: <R>(fn: (secret: CredentialSecret) => R): R => fn({ provider: 'vultr', apiKey }),
});

/** The pretend Vultr without a socket, and the provider that talks to it. Waits take no time but are remembered. */
export async function vultrInProcess(options: Partial<VultrCloudOptions> = {}, more: ProviderOptions = {}) {
  const cloud = createVultrCloud({
    machines: createPaperMachines(),
    actionMs: 1,
    ...options,
  });
  const pauses: number[] = [];
  const asked: string[] = [];
  const vultr = await provider('vultr', {
    endpoint,
    fetch: (async (input: URL, init?: RequestInit) => {
      asked.push(`${init?.method ?? 'GET'} ${input.pathname}`);
      return cloud.app.fetch(new Request(input, init));
    }) as typeof fetch,
    random: () => 0.5,
    sleep: async (ms) => {
      pauses.push(ms);
      await new Promise((resolve) => setTimeout(resolve, Math.min(ms, 5)));
    },
    ...more,
  });
  const full = credential(cloud.issueKey({ account: 'a' }));
  const call = (who: OpenCredential, method: string, path: string, body?: unknown): Promise<Response> =>
    who.use(async ({ apiKey }) =>
      cloud.app.fetch(
        new Request(`${endpoint}/v2${path}`, {
          method,
          headers: { authorization: `Bearer ${apiKey}` },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      ),
    );
  return { cloud, vultr, full, pauses, asked, call };
}

export const tag = 'claw-ins_000000000000000000000001';
