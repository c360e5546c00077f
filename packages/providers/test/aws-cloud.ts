import type { CredentialSecret } from '@claw-cloud/contracts';
import { createPaperMachines, type FakeCloudOptions } from '@claw-cloud/fake-clouds';
import { startFakeCloud } from '@claw-cloud/fake-clouds/aws';
import { type OpenCredential, type Provider, type ProviderOptions, provider } from '../index.ts';

export const externalId = 'ext-owner-a-0123456789';

export const credential = (fields: Readonly<Record<string, string>>): OpenCredential => ({
  use: <R>(fn: (secret: CredentialSecret) => R): R => fn({ provider: 'aws', ...fields }),
});

/** The pretend AWS, and providers that talk to it: by default with the platform's identity and owner A's external id. */
export async function awsForTest(options: Partial<FakeCloudOptions> & { now?: () => Date } = {}) {
  const cloud = await startFakeCloud({ machines: createPaperMachines(), actionMs: 1, ...options });
  const aws = (more: ProviderOptions = {}): Promise<Provider> =>
    provider('aws', {
      endpoint: cloud.endpoint,
      random: () => 0.5,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, 5))),
      externalId,
      platform: cloud.platform,
      ...more,
    });
  return { cloud, aws };
}

export const tag = 'claw-ins_000000000000000000000001';
