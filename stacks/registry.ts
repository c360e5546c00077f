import { ProductError, type ProviderId } from '@claw-cloud/contracts';
import type { Stack } from './stack.ts';

export type * from './stack.ts';

// Loaded when asked for: a cloud's Pulumi package costs memory and time at start.
const stacks: Partial<Record<ProviderId, () => Promise<Stack>>> = {
  hetzner: async () => (await import('./hetzner/program.ts')).hetznerStack,
  sandbox: async () => (await import('./hetzner/program.ts')).hetznerStack,
};

/** The Pulumi program of a cloud; raises `provider_unavailable` when there is none. */
export async function stackFor(provider: ProviderId): Promise<Stack> {
  const load = stacks[provider];
  if (!load) {
    throw new ProductError(
      'provider_unavailable',
      `${provider} is not supported yet.`,
      'Choose another cloud.',
    );
  }
  return load();
}
