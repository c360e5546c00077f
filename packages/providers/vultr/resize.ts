import { ProductError, type ProviderId } from '@claw-cloud/contracts';
import type { JsonClient } from '../http/client.ts';
import type { OpenCredential, Preflight, ResizeWish } from '../provider.ts';
import { readStock } from './catalogue.ts';
import { serverMissing } from './errors.ts';
import { serverState } from './power.ts';
import { judge } from './preflight.ts';

/**
 * What stands in the way of another size. Vultr only lets a server grow, within its kind, and says to what: that list
 * is believed, also about what is in stock. Raises `server_missing` for a server that is gone.
 */
export async function preflightResize(
  client: JsonClient,
  provider: ProviderId,
  credential: OpenCredential,
  wish: ResizeWish,
): Promise<Preflight> {
  const path = `/v2/instances/${encodeURIComponent(wish.serverId)}/upgrades`;
  const [stock, server, body] = await Promise.all([
    readStock(client, provider, credential, wish.region),
    serverState(client, credential, wish.serverId),
    client.get(credential, path, { type: 'plans' }),
  ]);
  if (!server || !body) throw serverMissing();
  const told = (body.upgrades as { plans?: unknown } | undefined)?.plans;
  const larger = Array.isArray(told) ? told.map(String) : [];
  const judged = judge(stock, wish);
  // The image only matters to who makes a new server.
  const blockers = judged.blockers.filter(({ code }) => code !== 'image_unavailable');
  if (wish.size !== server.size && !larger.includes(wish.size)) {
    const choices = larger.filter((id) => stock.allSizes.some((size) => size.id === id));
    blockers.unshift(
      new ProductError(
        'resize_impossible',
        `Vultr can't change this server from "${server.size}" to "${wish.size}": a server only grows, and within its kind.`,
        choices.length > 0
          ? `Choose one of ${choices.join(', ')}, or deploy a new server.`
          : 'Deploy a new server of the size you want.',
      ),
    );
  }
  return { ...judged, blockers };
}
