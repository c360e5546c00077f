import { ProductError, type ProviderId } from '@claw-cloud/contracts';
import { createHetzner } from './hetzner/hetzner.ts';
import type { Provider, ProviderOptions } from './provider.ts';

interface Entry {
  readonly name: string;
  readonly sandbox: boolean;
  readonly create: (id: ProviderId, name: string, options: ProviderOptions) => Provider;
}

// The one place that knows clouds by name: the sandbox is Hetzner's code with another address.
const entries: Partial<Record<ProviderId, Entry>> = {
  hetzner: { name: 'Hetzner Cloud', sandbox: false, create: createHetzner },
  sandbox: { name: 'Sandbox cloud', sandbox: true, create: createHetzner },
};

/** The clouds that can be deployed to, with the names people know them by. */
export function knownProviders(): { id: ProviderId; name: string; sandbox: boolean }[] {
  return (Object.entries(entries) as [ProviderId, Entry][]).map(([id, entry]) => ({
    id,
    name: entry.name,
    sandbox: entry.sandbox,
  }));
}

/**
 * The provider of a cloud. The sandbox has no address of its own: without `endpoint` it raises
 * `provider_unavailable`, as does a cloud that isn't supported.
 */
export function provider(id: ProviderId, options: ProviderOptions = {}): Provider {
  const entry = entries[id];
  if (!entry) {
    throw new ProductError('provider_unavailable', `${id} is not supported yet.`, 'Choose another cloud.');
  }
  if (entry.sandbox && options.endpoint === undefined) {
    throw new ProductError(
      'provider_unavailable',
      'The sandbox cloud is not running here.',
      'Start the platform with its sandbox, or choose a real cloud.',
    );
  }
  return entry.create(id, entry.name, options);
}
