import {
  type Catalogue,
  minimumMemoryMb,
  ProductError,
  type ProviderId,
  recommendedMemoryMb,
} from '@claw-cloud/contracts';
import type { OpenCredential } from '../provider.ts';
import type {
  DatacenterAnswer,
  ImageAnswer,
  LocationAnswer,
  PricingAnswer,
  ServerTypeAnswer,
} from './answers.ts';
import type { HetznerClient } from './client.ts';

/** The image every server starts from; both architectures have it. */
export const image = 'debian-13';

type Size = Catalogue['sizes'][number];
type Offers = Size['offers'];

/** Everything a form or a preflight needs, still including the sizes that are too small. */
export interface Stock {
  readonly catalogue: Catalogue;
  /** Also those below the memory floor, to say why they can't be had. */
  readonly allSizes: readonly Size[];
  readonly imageArchitectures: ReadonlySet<'x86' | 'arm'>;
}

const gross = (price: { gross: string }): number => Number(price.gross);
/** Ten-thousandths: below that, VAT makes noise. */
const rounded = (amount: number): number => Math.round(amount * 10_000) / 10_000;

function addressPrice(pricing: PricingAnswer, region: string): { monthly: number; hourly: number } {
  const ipv4 = pricing.primary_ips?.find((entry) => entry.type === 'ipv4');
  const price = ipv4?.prices.find((entry) => entry.location === region);
  return price
    ? { monthly: gross(price.price_monthly), hourly: gross(price.price_hourly) }
    : { monthly: 0, hourly: 0 };
}

const isPast = (deprecation: { unavailable_after: string } | null | undefined, now: Date): boolean =>
  deprecation != null && Date.parse(deprecation.unavailable_after) <= now.getTime();

function offersOf(
  type: ServerTypeAnswer,
  pricing: PricingAnswer,
  isInStock: (type: ServerTypeAnswer, region: string) => boolean,
  now: Date,
): Offers {
  return type.prices.flatMap((price) => {
    const place = type.locations?.find((entry) => entry.name === price.location);
    // The list of places is newer than the prices: a price for a place that isn't listed is a leftover.
    if ((type.locations !== undefined && !place) || isPast(place?.deprecation ?? type.deprecation, now))
      return [];
    const address = addressPrice(pricing, price.location);
    return [
      {
        region: price.location,
        available: isInStock(type, price.location),
        monthly: rounded(gross(price.price_monthly) + address.monthly),
        hourly: rounded(gross(price.price_hourly) + address.hourly),
      },
    ];
  });
}

/** Reads what the cloud sells now: four lists, and a fifth where availability isn't told with the sizes. */
export async function readStock(
  client: HetznerClient,
  provider: ProviderId,
  credential: OpenCredential,
): Promise<Stock> {
  const [locations, types, images, priced] = (await Promise.all([
    client.list(credential, '/locations', 'locations'),
    client.list(credential, '/server_types', 'server_types'),
    client.list(credential, '/images', 'images', { type: 'system', name: image }),
    client.get(credential, '/pricing'),
  ])) as unknown as [LocationAnswer[], ServerTypeAnswer[], ImageAnswer[], { pricing?: PricingAnswer } | null];
  const pricing = priced?.pricing;
  if (!pricing) {
    throw new ProductError('cloud_unexpected', 'Hetzner told no prices.', 'Try again in a few minutes.');
  }
  const told = types.every((type) => type.locations?.every((entry) => entry.available !== undefined));
  const centres = told
    ? []
    : ((await client.list(credential, '/datacenters', 'datacenters')) as unknown as DatacenterAnswer[]);
  const isInStock = (type: ServerTypeAnswer, region: string): boolean =>
    type.locations?.find((entry) => entry.name === region)?.available ??
    centres.some(
      (centre) => centre.location.name === region && centre.server_types.available.includes(type.id),
    );

  const now = client.now();
  const imageArchitectures = new Set(
    images
      .filter((entry) => entry.status === 'available' && entry.deprecated === null)
      .map((entry) => entry.architecture),
  );
  const allSizes = types.map((type): Size => {
    const memoryMb = Math.round(type.memory * 1024);
    return {
      id: type.name,
      name: type.description || type.name,
      cpus: type.cores,
      memoryMb,
      diskGb: Math.round(type.disk),
      architecture: type.architecture,
      small: memoryMb < recommendedMemoryMb,
      offers: offersOf(type, pricing, isInStock, now),
    };
  });
  const cheapest = (size: Size) => Math.min(...size.offers.map((offer) => offer.monthly));
  return {
    allSizes,
    imageArchitectures,
    catalogue: {
      provider,
      currency: pricing.currency,
      regions: locations.map((place) => ({
        id: place.name,
        name: place.description,
        country: place.country.slice(0, 2),
        city: place.city,
      })),
      sizes: allSizes
        .filter(
          (size) =>
            size.memoryMb >= minimumMemoryMb &&
            size.offers.length > 0 &&
            imageArchitectures.has(size.architecture),
        )
        .sort((a, b) => cheapest(a) - cheapest(b)),
      image,
      fetchedAt: now.toISOString(),
    },
  };
}
