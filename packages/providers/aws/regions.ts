import { DescribeRegionsCommand } from '@aws-sdk/client-ec2';
import type { Catalogue } from '@claw-cloud/contracts';
import type { OpenCredential } from '../provider.ts';
import { type AwsClient, homeRegion } from './client.ts';
import { asked } from './errors.ts';

type Region = Catalogue['regions'][number];

/** City and country of AWS's regions; one that is newer than this list goes by its id. */
const places: Readonly<Record<string, readonly [city: string, country: string]>> = {
  'af-south-1': ['Cape Town', 'ZA'],
  'ap-east-1': ['Hong Kong', 'HK'],
  'ap-east-2': ['Taipei', 'TW'],
  'ap-northeast-1': ['Tokyo', 'JP'],
  'ap-northeast-2': ['Seoul', 'KR'],
  'ap-northeast-3': ['Osaka', 'JP'],
  'ap-south-1': ['Mumbai', 'IN'],
  'ap-south-2': ['Hyderabad', 'IN'],
  'ap-southeast-1': ['Singapore', 'SG'],
  'ap-southeast-2': ['Sydney', 'AU'],
  'ap-southeast-3': ['Jakarta', 'ID'],
  'ap-southeast-4': ['Melbourne', 'AU'],
  'ap-southeast-5': ['Kuala Lumpur', 'MY'],
  'ap-southeast-6': ['Auckland', 'NZ'],
  'ap-southeast-7': ['Bangkok', 'TH'],
  'ca-central-1': ['Montreal', 'CA'],
  'ca-west-1': ['Calgary', 'CA'],
  'eu-central-1': ['Frankfurt', 'DE'],
  'eu-central-2': ['Zurich', 'CH'],
  'eu-north-1': ['Stockholm', 'SE'],
  'eu-south-1': ['Milan', 'IT'],
  'eu-south-2': ['Zaragoza', 'ES'],
  'eu-west-1': ['Dublin', 'IE'],
  'eu-west-2': ['London', 'GB'],
  'eu-west-3': ['Paris', 'FR'],
  'il-central-1': ['Tel Aviv', 'IL'],
  'me-central-1': ['Dubai', 'AE'],
  'me-south-1': ['Manama', 'BH'],
  'mx-central-1': ['Querétaro', 'MX'],
  'sa-east-1': ['São Paulo', 'BR'],
  'us-east-1': ['Ashburn, Virginia', 'US'],
  'us-east-2': ['Columbus, Ohio', 'US'],
  'us-west-1': ['San Francisco', 'US'],
  'us-west-2': ['Boardman, Oregon', 'US'],
};

const regionId = /^[a-z]{2}(-[a-z]+)+-\d$/;

export function describedRegion(id: string): Region {
  const [city, country] = places[id] ?? [id, ''];
  return { id, name: `${city} (${id})`, city, country };
}

/** The regions that are switched on in the account: in no other one anything can be, or be made. */
export async function regionIds(client: AwsClient, credential: OpenCredential): Promise<string[]> {
  const { Regions = [] } = await asked(
    client.ec2(credential, homeRegion).send(new DescribeRegionsCommand({})),
  );
  return Regions.flatMap(({ RegionName }) =>
    RegionName !== undefined && regionId.test(RegionName) ? [RegionName] : [],
  ).sort();
}

/** Whether AWS has such a region at all, switched on or not. */
export async function isSwitchedOff(
  client: AwsClient,
  credential: OpenCredential,
  region: string,
): Promise<boolean> {
  const { Regions = [] } = await asked(
    client.ec2(credential, homeRegion).send(
      new DescribeRegionsCommand({
        AllRegions: true,
        Filters: [{ Name: 'opt-in-status', Values: ['not-opted-in'] }],
      }),
    ),
  );
  return Regions.some(({ RegionName }) => RegionName === region);
}
