import { type Filter, GetProductsCommand } from '@aws-sdk/client-pricing';
import type { OpenCredential } from '../provider.ts';
import { type AwsClient, inTurns } from './client.ts';
import { asked } from './errors.ts';

/** In GB: the disk that every server gets; `stacks/aws/program.ts` has the same. */
export const rootDiskGb = 30;

const pageSize = 100;
const maxPages = 50;
/** AWS's price list answers few requests at a time. */
const atOnce = 4;
const hoursOfMonth = 730;

interface Listed {
  readonly product?: { readonly attributes?: Readonly<Record<string, string>> };
  readonly terms?: {
    readonly OnDemand?: Readonly<
      Record<
        string,
        {
          readonly priceDimensions?: Readonly<
            Record<
              string,
              { readonly beginRange?: string; readonly pricePerUnit?: { readonly USD?: string } }
            >
          >;
        }
      >
    >;
  };
}

/** The price of the first unit, on demand; null for a line without one. */
function priceOf({ terms }: Listed): number | null {
  const dimensions = Object.values(terms?.OnDemand ?? {}).flatMap(({ priceDimensions }) =>
    Object.values(priceDimensions ?? {}),
  );
  const usd = Number(dimensions.find(({ beginRange }) => (beginRange ?? '0') === '0')?.pricePerUnit?.USD);
  return Number.isFinite(usd) && usd > 0 ? usd : null;
}

/** Prices of one line of the list by region, to the last page. */
async function byRegion(
  client: AwsClient,
  credential: OpenCredential,
  service: string,
  wanted: Readonly<Record<string, string>>,
  keep: (attributes: Readonly<Record<string, string>>) => boolean = () => true,
): Promise<Map<string, number>> {
  const filters = Object.entries(wanted).map(
    ([Field, Value]): Filter => ({ Type: 'TERM_MATCH', Field, Value }),
  );
  const prices = new Map<string, number>();
  let token: string | undefined;
  for (let page = 0; page < maxPages; page += 1) {
    const { PriceList = [], NextToken } = await asked(
      client.pricing(credential).send(
        new GetProductsCommand({
          ServiceCode: service,
          FormatVersion: 'aws_v1',
          Filters: filters,
          MaxResults: pageSize,
          ...(token === undefined ? {} : { NextToken: token }),
        }),
      ),
    );
    for (const line of PriceList) {
      const listed = JSON.parse(String(line)) as Listed;
      const attributes = listed.product?.attributes ?? {};
      const { regionCode } = attributes;
      const price = priceOf(listed);
      if (regionCode !== undefined && price !== null && keep(attributes)) prices.set(regionCode, price);
    }
    token = NextToken;
    if (!token) break;
  }
  return prices;
}

export interface Prices {
  /** USD for a server of the type with its disk and its public address; null where AWS lists no price. */
  of(type: string, region: string): { readonly hourly: number; readonly monthly: number } | null;
}

const rounded = (amount: number): number => Math.round(amount * 10_000) / 10_000;

/**
 * What servers of these types cost: a request per type, for all regions at once, and two for disks and addresses. With
 * `region`, for that one alone.
 */
export async function readPrices(
  client: AwsClient,
  credential: OpenCredential,
  types: readonly string[],
  region?: string,
): Promise<Prices> {
  const place: Record<string, string> = {
    locationType: 'AWS Region',
    ...(region === undefined ? {} : { regionCode: region }),
  };
  const linux = {
    ...place,
    operatingSystem: 'Linux',
    tenancy: 'Shared',
    preInstalledSw: 'NA',
    capacitystatus: 'Used',
    licenseModel: 'No License required',
  };
  const [disks, addresses, ...servers] = await inTurns(
    [
      () =>
        byRegion(client, credential, 'AmazonEC2', {
          ...place,
          volumeApiName: 'gp3',
          productFamily: 'Storage',
        }),
      () =>
        byRegion(
          client,
          credential,
          'AmazonVPC',
          { ...place, group: 'VPCPublicIPv4Address' },
          ({ usagetype = '' }) => usagetype.endsWith('PublicIPv4:InUseAddress'),
        ),
      ...types.map(
        (instanceType) => () => byRegion(client, credential, 'AmazonEC2', { ...linux, instanceType }),
      ),
    ],
    atOnce,
    (read) => read(),
  );
  const byType = new Map(types.map((type, index) => [type, servers[index]]));
  return {
    of(type, where) {
      const server = byType.get(type)?.get(where);
      const disk = disks?.get(where);
      if (server === undefined || disk === undefined) return null;
      const hourly = server + (addresses?.get(where) ?? 0);
      return {
        hourly: rounded(hourly + (disk * rootDiskGb) / hoursOfMonth),
        monthly: rounded(hourly * hoursOfMonth + disk * rootDiskGb),
      };
    },
  };
}
