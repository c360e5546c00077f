import { DescribeImagesCommand } from '@aws-sdk/client-ec2';
import type { OpenCredential } from '../provider.ts';
import type { AwsClient } from './client.ts';
import { asked } from './errors.ts';
import { imageOwner } from './policy.ts';

/** As the catalogue shows it; each region has an id of its own for it. */
export const image = 'debian-13';

const names = { x86: 'debian-13-amd64-*', arm: 'debian-13-arm64-*' } as const;

/** The id of Debian's own newest image in a region; null when there is none. */
export async function newestImage(
  client: AwsClient,
  credential: OpenCredential,
  region: string,
  architecture: 'x86' | 'arm',
): Promise<string | null> {
  const { Images = [] } = await asked(
    client.ec2(credential, region).send(
      new DescribeImagesCommand({
        Owners: [imageOwner],
        Filters: [
          { Name: 'name', Values: [names[architecture]] },
          { Name: 'state', Values: ['available'] },
        ],
      }),
    ),
  );
  const [newest] = Images.filter(
    ({ OwnerId, ImageId }) => OwnerId === imageOwner && ImageId !== undefined,
  ).sort((a, b) => (b.CreationDate ?? '').localeCompare(a.CreationDate ?? ''));
  return newest?.ImageId ?? null;
}
