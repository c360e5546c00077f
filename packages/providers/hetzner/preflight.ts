import { minimumMemoryMb, ProductError, type ProviderId } from '@claw-cloud/contracts';
import type { DeployWish, OpenCredential, Preflight } from '../provider.ts';
import { image, readStock, type Stock } from './catalogue.ts';
import type { HetznerClient } from './client.ts';
import { consoleUrl } from './errors.ts';
import { missingPermissions } from './permissions.ts';

/** Below a cent it is rounding. */
const priceToleranceAmount = 0.01;

const credentialCodes = ['credential_rejected', 'credential_powerless', 'cloud_account_locked'];

/**
 * What stands in the way of a deploy, in the order in which it must be solved: token, its rights, region, size,
 * memory, stock, image, price. A project's limit can't be read at Hetzner: only the create finds it out.
 */
export async function preflight(
  client: HetznerClient,
  provider: ProviderId,
  credential: OpenCredential,
  wish: DeployWish,
): Promise<Preflight> {
  try {
    const [missing] = await missingPermissions(client, credential);
    if (missing) {
      return blocked(
        new ProductError('credential_powerless', `The token lacks "${missing.permission}".`, missing.fix, {
          link: consoleUrl,
        }),
      );
    }
    return judge(await readStock(client, provider, credential), wish);
  } catch (error) {
    if (error instanceof ProductError && credentialCodes.includes(error.code)) return blocked(error);
    throw error;
  }
}

const blocked = (...blockers: ProductError[]): Preflight => ({ blockers, warnings: [], offer: null });

/** Compares a wish with what the cloud sells; pure. */
export function judge(stock: Stock, wish: DeployWish): Preflight {
  const { catalogue } = stock;
  const region = catalogue.regions.find((entry) => entry.id === wish.region);
  const size = stock.allSizes.find((entry) => entry.id === wish.size);
  const blockers: ProductError[] = [];
  if (!region) {
    blockers.push(
      new ProductError(
        'region_unknown',
        `The cloud has no region "${wish.region}".`,
        `Choose one of ${catalogue.regions.map((entry) => entry.id).join(', ')}.`,
      ),
    );
  }
  const offer = size?.offers.find((entry) => entry.region === wish.region);
  if (!size || (region && !offer)) {
    const elsewhere = size?.offers.map((entry) => entry.region) ?? [];
    blockers.push(
      new ProductError(
        'size_unknown',
        `The size "${wish.size}" is not offered${region ? ` in ${region.city}` : ''}.`,
        elsewhere.length > 0
          ? `Choose another size, or one of ${elsewhere.join(', ')}.`
          : 'Choose another size.',
      ),
    );
  }
  if (size && size.memoryMb < minimumMemoryMb) {
    blockers.push(
      new ProductError(
        'size_too_small',
        `"${wish.size}" has ${size.memoryMb} MB of memory; OpenClaw needs ${minimumMemoryMb} MB.`,
        'Choose a larger size.',
      ),
    );
  }
  if (size && region && offer && !offer.available) {
    const elsewhere = size.offers.filter((entry) => entry.available).map((entry) => entry.region);
    blockers.push(
      new ProductError(
        'size_sold_out',
        `"${wish.size}" is sold out in ${region.city} at the moment.`,
        elsewhere.length > 0
          ? `Choose another size, or one of the regions that have it: ${elsewhere.join(', ')}.`
          : 'Choose another size, or try again later.',
      ),
    );
  }
  if (size && !stock.imageArchitectures.has(size.architecture)) {
    blockers.push(
      new ProductError(
        'image_unavailable',
        `The image ${image} is not there for ${size.architecture} at the moment.`,
        'Choose a size of the other architecture, or try again later.',
      ),
    );
  }
  const expected = wish.expectedMonthlyPrice;
  if (offer && expected !== null && Math.abs(offer.monthly - expected) >= priceToleranceAmount) {
    blockers.push(
      new ProductError(
        'price_changed',
        `The price is now ${offer.monthly.toFixed(2)} ${catalogue.currency} a month; you were shown ${expected.toFixed(2)}.`,
        'Look at the new price in the form, and deploy again if you agree.',
      ),
    );
  }
  if (!size || !offer) return { blockers, warnings: [], offer: null };
  return {
    blockers,
    warnings: size.small ? [`"${wish.size}" has little memory: long conversations may be slow.`] : [],
    offer: {
      monthlyPrice: offer.monthly,
      currency: catalogue.currency,
      image,
      architecture: size.architecture,
    },
  };
}
