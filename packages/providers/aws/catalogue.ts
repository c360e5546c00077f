import {
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  type InstanceTypeInfo,
} from '@aws-sdk/client-ec2';
import { type Catalogue, minimumMemoryMb, type ProviderId, recommendedMemoryMb } from '@claw-cloud/contracts';
import type { OpenCredential } from '../provider.ts';
import { type AwsClient, homeRegion, inTurns } from './client.ts';
import { asked } from './errors.ts';
import { image } from './images.ts';
import { readPrices, rootDiskGb } from './prices.ts';
import { describedRegion, regionIds } from './regions.ts';

type Size = Catalogue['sizes'][number];

/**
 * The types of today's families that suit one assistant, from the smallest to 16 GB; AWS has nearly a thousand. The
 * ones below the memory floor are there to say why they can't be had.
 */
const offeredTypes: readonly string[] = [
  't3.micro',
  ...['t3', 't3a', 't4g'].flatMap((family) =>
    ['small', 'medium', 'large', 'xlarge'].map((size) => `${family}.${size}`),
  ),
  ...['m7i-flex', 'm7i'].flatMap((family) => [`${family}.large`, `${family}.xlarge`]),
  'm7a.medium',
  'm7a.large',
  'm7g.medium',
  'm7g.large',
  'm7g.xlarge',
];

/** So many regions are asked at once: a request each, and AWS counts them per region. */
const regionsAtOnce = 6;
const maxPages = 20;

export interface Stock {
  readonly catalogue: Catalogue;
  readonly allSizes: readonly Size[];
}

async function typesIn(
  client: AwsClient,
  credential: OpenCredential,
  region: string,
  types: readonly string[],
) {
  const found: InstanceTypeInfo[] = [];
  let token: string | undefined;
  for (let page = 0; page < maxPages; page += 1) {
    const { InstanceTypes = [], NextToken } = await asked(
      client.ec2(credential, region).send(
        new DescribeInstanceTypesCommand({
          Filters: [{ Name: 'instance-type', Values: [...types] }],
          ...(token === undefined ? {} : { NextToken: token }),
        }),
      ),
    );
    found.push(...InstanceTypes);
    token = NextToken;
    if (!token) break;
  }
  return found;
}

/** Which of the types a region, or an availability zone in it, offers. */
export async function offeredIn(
  client: AwsClient,
  credential: OpenCredential,
  region: string,
  types: readonly string[],
  zone?: string,
): Promise<Set<string>> {
  const found = new Set<string>();
  let token: string | undefined;
  for (let page = 0; page < maxPages; page += 1) {
    const { InstanceTypeOfferings = [], NextToken } = await asked(
      client.ec2(credential, region).send(
        new DescribeInstanceTypeOfferingsCommand({
          LocationType: zone === undefined ? 'region' : 'availability-zone',
          Filters: [
            { Name: 'instance-type', Values: [...types] },
            ...(zone === undefined ? [] : [{ Name: 'location', Values: [zone] }]),
          ],
          ...(token === undefined ? {} : { NextToken: token }),
        }),
      ),
    );
    for (const { InstanceType } of InstanceTypeOfferings) if (InstanceType) found.add(InstanceType);
    token = NextToken;
    if (!token) break;
  }
  return found;
}

const architectureOf = ({ ProcessorInfo }: InstanceTypeInfo): 'x86' | 'arm' =>
  ProcessorInfo?.SupportedArchitectures?.includes('arm64') ? 'arm' : 'x86';

/**
 * What AWS sells to this account: about 25 requests for prices and one per region, some at a time; 10 seconds or so. With
 * a wish, that type in that region alone.
 */
export async function readStock(
  client: AwsClient,
  provider: ProviderId,
  credential: OpenCredential,
  wish?: { readonly region: string; readonly size: string },
): Promise<Stock> {
  const types = wish === undefined ? offeredTypes : offeredTypes.filter((type) => type === wish.size);
  const regions = await regionIds(client, credential);
  const places = wish === undefined ? regions : regions.filter((region) => region === wish.region);
  const [infos, offers, prices] =
    types.length === 0
      ? [[], [], null]
      : await Promise.all([
          typesIn(client, credential, places[0] ?? homeRegion, types).then(async (found) =>
            // A type that is newer than a region is described by another one.
            found.length < types.length && (places[0] ?? homeRegion) !== homeRegion
              ? [...found, ...(await typesIn(client, credential, homeRegion, types))]
              : found,
          ),
          inTurns(places, regionsAtOnce, (region) => offeredIn(client, credential, region, types)),
          readPrices(client, credential, types, wish?.region),
        ]);
  const byName = new Map(infos.map((info) => [info.InstanceType as string, info]));
  const allSizes = [...byName].map(([type, info]): Size => {
    const memoryMb = info.MemoryInfo?.SizeInMiB ?? 0;
    return {
      id: type,
      name: type,
      cpus: info.VCpuInfo?.DefaultVCpus ?? 0,
      memoryMb,
      diskGb: rootDiskGb,
      architecture: architectureOf(info),
      small: memoryMb < recommendedMemoryMb,
      offers: places.flatMap((region, index) => {
        const price = offers[index]?.has(type) ? prices?.of(type, region) : null;
        return price ? [{ region, available: true, ...price }] : [];
      }),
    };
  });
  const cheapest = ({ offers: all }: Size) => Math.min(...all.map(({ monthly }) => monthly));
  return {
    allSizes,
    catalogue: {
      provider,
      currency: 'USD',
      regions: regions.map(describedRegion),
      sizes: allSizes
        .filter((size) => size.memoryMb >= minimumMemoryMb && size.offers.length > 0)
        .sort((a, b) => cheapest(a) - cheapest(b)),
      image,
      fetchedAt: client.now().toISOString(),
    },
  };
}
