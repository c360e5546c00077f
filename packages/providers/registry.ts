import { ProductError, type ProviderId } from '@claw-cloud/contracts';
import { clouds } from './clouds.ts';
import type { Provider, ProviderOptions } from './provider.ts';

/**
 * The provider of a cloud. The sandbox has no address of its own: without `endpoint` it raises
 * `provider_unavailable`, as does a cloud that isn't known.
 */
export async function provider(id: ProviderId, options: ProviderOptions = {}): Promise<Provider> {
  const entry = clouds.find(({ descriptor }) => descriptor.id === id);
  if (!entry) {
    throw new ProductError('provider_unavailable', `${id} is not supported yet.`, 'Choose another cloud.');
  }
  const { descriptor } = entry;
  if (descriptor.sandbox && options.endpoint === undefined) {
    throw new ProductError(
      'provider_unavailable',
      'The sandbox cloud is not running here.',
      'Start the platform with its sandbox, or choose a real cloud.',
    );
  }
  const create = await entry.load();
  return create(id, descriptor.name, options);
}
