import { type Catalogue, minimumMemoryMb, ProductError } from '@claw-cloud/contracts';
import type { DeployWish, Preflight } from './provider.ts';

type Size = Catalogue['sizes'][number];
type Region = Catalogue['regions'][number];

/** What a cloud sells, as far as a wish can be held against it. */
export interface ForSale {
  readonly catalogue: Catalogue;
  /** Also those below the memory floor, to say why they can't be had. */
  readonly allSizes: readonly Size[];
  /** What the stack takes as its image for this size and place, or why there is none. */
  readonly imageFor: (size: Size, region: Region) => string | ProductError;
}

/** Below a cent it is rounding. */
const priceToleranceAmount = 0.01;

/** What stands in a wish's way, in order: region, size, memory, stock, image, price. Pure. */
export function judgeWish(cloud: string, sale: ForSale, wish: DeployWish): Preflight {
  const { catalogue, allSizes } = sale;
  const region = catalogue.regions.find((entry) => entry.id === wish.region);
  const size = allSizes.find((entry) => entry.id === wish.size);
  const offer = size?.offers.find((entry) => entry.region === wish.region);
  const elsewhere = (size?.offers ?? []).filter(({ available }) => available).map((entry) => entry.region);
  const orElsewhere =
    elsewhere.length > 0
      ? `Choose another size, or one of the regions that have it: ${elsewhere.join(', ')}.`
      : 'Choose another size.';
  const blockers: ProductError[] = [];
  if (!region) {
    blockers.push(
      new ProductError(
        'region_unknown',
        `${cloud} has no region "${wish.region}".`,
        `Choose one of ${catalogue.regions.map((entry) => entry.id).join(', ')}.`,
      ),
    );
  }
  if (!size || (region && !offer)) {
    const where = size && region ? ` in ${region.name}` : '';
    blockers.push(
      new ProductError('size_unknown', `The size "${wish.size}" is not offered${where}.`, orElsewhere),
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
  if (region && offer && !offer.available) {
    const message = `"${wish.size}" is sold out in ${region.name} at the moment.`;
    blockers.push(new ProductError('size_sold_out', message, orElsewhere));
  }
  const image = size && region ? sale.imageFor(size, region) : '';
  if (image instanceof ProductError) blockers.push(image);
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
      image: typeof image === 'string' ? image : '',
      architecture: size.architecture,
    },
  };
}
