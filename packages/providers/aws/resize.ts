import { ProductError, type ProviderId } from '@claw-cloud/contracts';
import type { OpenCredential, Preflight, ResizeWish } from '../provider.ts';
import { offeredIn, readStock } from './catalogue.ts';
import type { AwsClient } from './client.ts';
import { judgedWish } from './preflight.ts';
import { quotaBlocker } from './quota.ts';
import { findServer, serverMissing } from './server.ts';

/**
 * What stands in the way of another size: the kind of processor, the availability zone, the quota, the price. The disk
 * stays as it is. Raises `server_missing` for a server that is gone.
 */
export async function preflightResize(
  client: AwsClient,
  provider: ProviderId,
  credential: OpenCredential,
  wish: ResizeWish,
): Promise<Preflight> {
  const server = await findServer(client, credential, wish.serverId, wish.region);
  if (!server) throw serverMissing();
  const stock = await readStock(client, provider, credential, wish);
  const judged = await judgedWish(client, credential, stock, wish);
  const next = stock.allSizes.find(({ id }) => id === wish.size);
  const blockers: ProductError[] = [];
  const now = server.Architecture === 'arm64' ? 'arm' : 'x86';
  const zone = server.Placement?.AvailabilityZone;
  if (next && next.architecture !== now) {
    blockers.push(
      new ProductError(
        'resize_impossible',
        `"${wish.size}" has another kind of processor than this server.`,
        `Choose a size for ${now === 'arm' ? 'Arm' : 'x86'}, or deploy a new server.`,
      ),
    );
  } else if (next && zone !== undefined) {
    const offered = await offeredIn(client, credential, wish.region, [wish.size], zone);
    if (!offered.has(wish.size)) {
      blockers.push(
        new ProductError(
          'resize_impossible',
          `"${wish.size}" is not offered in the part of the region where this server is (${zone}).`,
          'Choose another size, or deploy a new server.',
        ),
      );
    }
  }
  const cores = (server.CpuOptions?.CoreCount ?? 0) * (server.CpuOptions?.ThreadsPerCore ?? 1);
  const counts = server.State?.Name === 'running' ? cores : 0;
  const more = (next?.cpus ?? 0) - counts;
  const quota = more > 0 ? await quotaBlocker(client, credential, wish.region, more) : null;
  return { ...judged, blockers: [...blockers, ...(quota ? [quota] : []), ...judged.blockers] };
}
