import { type Catalogue, minimumMemoryMb, type ProviderId, recommendedMemoryMb } from '@claw-cloud/contracts';
import type { JsonClient } from '../http/client.ts';
import type { OpenCredential } from '../provider.ts';
import type { ImageAnswer, RegionAnswer, SizeAnswer } from './answers.ts';

/** The image every droplet starts from. */
export const image = 'debian-13-x64';
const currency = 'USD';

type Size = Catalogue['sizes'][number];
type Region = Catalogue['regions'][number];

/** Everything a form or a preflight needs, still including what is too small, closed or gone. */
export interface Stock {
  readonly catalogue: Catalogue;
  /** Also those below the memory floor, to say why they can't be had. */
  readonly allSizes: readonly Size[];
  /** Regions that exist but take no new droplets. */
  readonly closedRegions: readonly Region[];
  readonly imageRegions: ReadonlySet<string>;
}

/** DigitalOcean names its regions after cities: `fra1` is the first in Frankfurt. */
const countries: Readonly<Record<string, string>> = {
  ams: 'NL',
  atl: 'US',
  blr: 'IN',
  fra: 'DE',
  lon: 'GB',
  nyc: 'US',
  ric: 'US',
  sfo: 'US',
  sgp: 'SG',
  syd: 'AU',
  tor: 'CA',
};

function placeOf({ slug, name }: RegionAnswer): Region {
  return {
    id: slug,
    name: name.slice(0, 120),
    country: countries[slug.replace(/\d+$/, '')] ?? '',
    city: name.replace(/ \d+$/, '').slice(0, 80),
  };
}

/** Ten-thousandths: hourly prices come as floats with noise behind them. */
const rounded = (amount: number): number => Math.round(amount * 10_000) / 10_000;

function sizeOf(size: SizeAnswer, open: readonly RegionAnswer[]): Size {
  return {
    id: size.slug,
    name: `${size.description} ${size.slug}`.trim().slice(0, 120),
    cpus: size.vcpus,
    memoryMb: size.memory,
    diskGb: size.disk,
    architecture: 'x86',
    small: size.memory < recommendedMemoryMb,
    offers: open
      .filter((region) => size.regions.includes(region.slug))
      .map((region) => ({
        region: region.slug,
        // Both lists say where a size can be had; one that only sells it is out of it at the moment.
        available: region.sizes.includes(size.slug),
        monthly: rounded(size.price_monthly),
        hourly: rounded(size.price_hourly),
      })),
  };
}

/** Reads what DigitalOcean sells now: regions and sizes to the last page, and the image. */
export async function readStock(
  client: JsonClient,
  provider: ProviderId,
  credential: OpenCredential,
): Promise<Stock> {
  const [regions, sizes, imageBody] = await Promise.all([
    client.list(credential, '/v2/regions', 'regions') as Promise<unknown> as Promise<RegionAnswer[]>,
    client.list(credential, '/v2/sizes', 'sizes') as Promise<unknown> as Promise<SizeAnswer[]>,
    client.get(credential, `/v2/images/${image}`),
  ]);
  const found = imageBody?.image as ImageAnswer | undefined;
  const imageRegions = new Set(found?.status === 'available' ? found.regions : []);
  const open = regions.filter((region) => region.available);
  const allSizes = sizes
    // Sizes of the past, and those with a graphics processor, which start from other images.
    .filter((size) => size.available && size.gpu_info === undefined)
    .map((size) => sizeOf(size, open));
  const cheapest = (size: Size) => Math.min(...size.offers.map((offer) => offer.monthly));
  return {
    allSizes,
    closedRegions: regions.filter((region) => !region.available).map(placeOf),
    imageRegions,
    catalogue: {
      provider,
      currency,
      regions: open.map(placeOf).slice(0, 200),
      sizes: allSizes
        .map((size) => ({ ...size, offers: size.offers.filter(({ region }) => imageRegions.has(region)) }))
        .filter((size) => size.memoryMb >= minimumMemoryMb && size.offers.length > 0)
        .sort((a, b) => cheapest(a) - cheapest(b))
        .slice(0, 500),
      image,
      fetchedAt: client.now().toISOString(),
    },
  };
}
