import { ProductError, type ProviderId } from '@claw-cloud/contracts';
import type { JsonClient } from '../http/client.ts';
import type { OpenCredential, Preflight, ResizeWish } from '../provider.ts';
import type { DropletAnswer } from './answers.ts';
import { readStock } from './catalogue.ts';
import { asError, dropletMissing, lockedAccount } from './errors.ts';
import { judge } from './preflight.ts';
import { readAccount } from './who-am-i.ts';

/**
 * What stands in the way of another size. Only CPU and memory change, so that one can go back; a droplet still takes no
 * size whose disk is smaller than its own. Whether it is off is no obstacle: the engine switches it off and on.
 * Raises `server_missing` for a droplet that is gone.
 */
export async function preflightResize(
  client: JsonClient,
  provider: ProviderId,
  credential: OpenCredential,
  wish: ResizeWish,
): Promise<Preflight> {
  const [account, stock, body] = await Promise.all([
    readAccount(client, credential),
    readStock(client, provider, credential),
    client.get(credential, `/v2/droplets/${wish.serverId}`),
  ]);
  const droplet = body?.droplet as DropletAnswer | undefined;
  if (!droplet) throw dropletMissing();
  const judged = judge(stock, wish);
  const next = stock.allSizes.find((size) => size.id === wish.size);
  const blockers: ProductError[] = account.status === 'locked' ? [asError(lockedAccount)] : [];
  if (next && next.diskGb < droplet.disk) {
    blockers.push(
      new ProductError(
        'resize_impossible',
        `The disk of "${wish.size}" is smaller (${next.diskGb} GB) than this server's (${droplet.disk} GB).`,
        'Choose a size whose disk is at least as large, or deploy a new server.',
      ),
    );
  }
  // The image only matters to who makes a new one.
  blockers.push(...judged.blockers.filter(({ code }) => code !== 'image_unavailable'));
  return { ...judged, blockers };
}
