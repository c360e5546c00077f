import { ProductError, type ProviderId } from '@claw-cloud/contracts';
import type { OpenCredential, Preflight, ResizeWish } from '../provider.ts';
import { readStock } from './catalogue.ts';
import type { HetznerClient } from './client.ts';
import { judge } from './preflight.ts';
import { readServer, serverMissing } from './server.ts';

/**
 * What stands in the way of another size. Hetzner changes a server's type only within its architecture; its disk is
 * kept, so the new type's must not be smaller than it. Raises `server_missing` for a server that is gone.
 */
export async function preflightResize(
  client: HetznerClient,
  provider: ProviderId,
  credential: OpenCredential,
  wish: ResizeWish,
): Promise<Preflight> {
  const [stock, server] = await Promise.all([
    readStock(client, provider, credential),
    readServer(client, credential, wish.serverId),
  ]);
  if (!server) throw serverMissing();
  const judged = judge(stock, wish);
  const now = stock.allSizes.find((size) => size.id === server.server_type.name);
  const next = stock.allSizes.find((size) => size.id === wish.size);
  if (!next) return judged;
  const blockers = [...judged.blockers];
  // The server's own disk counts, not its type's: after an earlier resize it can be the smaller one.
  const diskGb = server.primary_disk_size;
  if (now && now.architecture !== next.architecture) {
    blockers.unshift(
      new ProductError(
        'resize_impossible',
        `"${wish.size}" has another kind of processor than this server.`,
        `Choose a size for ${now.architecture === 'arm' ? 'Arm' : 'x86'}, or deploy a new server.`,
      ),
    );
  } else if (next.diskGb < diskGb) {
    blockers.unshift(
      new ProductError(
        'resize_impossible',
        `The disk of "${wish.size}" is smaller (${next.diskGb} GB) than this server's (${diskGb} GB).`,
        'Choose a size whose disk is at least as large, or deploy a new server.',
      ),
    );
  }
  return { ...judged, blockers };
}
