import type { _InstanceType } from '@aws-sdk/client-ec2';
import { ProductError, type ProviderId } from '@claw-cloud/contracts';
import { judgeWish } from '../judge-wish.ts';
import type { DeployWish, OpenCredential, Preflight } from '../provider.ts';
import { readStock, type Stock } from './catalogue.ts';
import type { AwsClient } from './client.ts';
import { answeredError } from './errors.ts';
import { image, newestImage } from './images.ts';
import { regionsUrl } from './meanings.ts';
import { serverProbe } from './probes.ts';
import { quotaBlocker } from './quota.ts';
import { isSwitchedOff } from './regions.ts';

/** What stands in the way before region and size matter. */
const accountCodes = [
  'credential_rejected',
  'credential_powerless',
  'cloud_account_locked',
  'account_unverified',
  'billing_missing',
  'provider_unavailable',
];

const blocked = (...blockers: ProductError[]): Preflight => ({ blockers, warnings: [], offer: null });

/**
 * What stands in the way of a deploy, in the order in which it must be solved: credential, account, region, size, quota,
 * image, price. Asks with a dry run whether the server could be made; makes nothing.
 */
export async function preflight(
  client: AwsClient,
  provider: ProviderId,
  credential: OpenCredential,
  wish: DeployWish,
): Promise<Preflight> {
  try {
    const stock = await readStock(client, provider, credential, wish);
    const judged = await judgedWish(client, credential, stock, wish);
    if (!stock.catalogue.regions.some(({ id }) => id === wish.region)) return judged;
    const size = stock.allSizes.find(({ id }) => id === wish.size);
    const [account, quota] = await Promise.all([
      accountBlocker(client, credential, wish, judged.offer?.image ?? ''),
      size ? quotaBlocker(client, credential, wish.region, size.cpus) : null,
    ]);
    return withBlockers(judged, account, quota);
  } catch (error) {
    if (error instanceof ProductError && accountCodes.includes(error.code)) return blocked(error);
    throw error;
  }
}

/** Region, size, image and price, as far as AWS tells them. */
export async function judgedWish(
  client: AwsClient,
  credential: OpenCredential,
  stock: Stock,
  wish: DeployWish,
): Promise<Preflight> {
  const size = stock.allSizes.find(({ id }) => id === wish.size);
  const isThere = stock.catalogue.regions.some(({ id }) => id === wish.region);
  if (!isThere && (await isSwitchedOff(client, credential, wish.region))) {
    return blocked(
      new ProductError(
        'region_unknown',
        `The region "${wish.region}" is switched off in this AWS account.`,
        'Switch it on under "Account", "AWS Regions", which takes some minutes, or choose another region.',
        { link: regionsUrl },
      ),
    );
  }
  const id = size && isThere ? await newestImage(client, credential, wish.region, size.architecture) : null;
  return judgeWish(
    'AWS',
    {
      ...stock,
      imageFor: ({ architecture }, { name }) =>
        id ??
        new ProductError(
          'image_unavailable',
          `The image ${image} is not there for ${architecture} in ${name} at the moment.`,
          'Choose a size of the other architecture or another region, or try again later.',
        ),
    },
    wish,
  );
}

/** Quota comes after region and size, before image and price; the account before everything. */
function withBlockers(
  judged: Preflight,
  account: ProductError | null,
  quota: ProductError | null,
): Preflight {
  const late = judged.blockers.findIndex(({ code }) => ['image_unavailable', 'price_changed'].includes(code));
  const at = late < 0 ? judged.blockers.length : late;
  return {
    ...judged,
    blockers: [
      ...(account ? [account] : []),
      ...judged.blockers.slice(0, at),
      ...(quota ? [quota] : []),
      ...judged.blockers.slice(at),
    ],
  };
}

/** What AWS has against a server of this account at all, asked with a dry run in the region itself. */
async function accountBlocker(
  client: AwsClient,
  credential: OpenCredential,
  wish: DeployWish,
  imageId: string,
): Promise<ProductError | null> {
  if (imageId === '') return null;
  try {
    await client.ec2(credential, wish.region).send(serverProbe(imageId, wish.size as _InstanceType));
  } catch (error) {
    const said = answeredError(error);
    if (accountCodes.includes(said.code)) return said;
    if (['cloud_unavailable', 'cloud_rate_limited', 'cloud_maintenance'].includes(said.code)) throw said;
  }
  return null;
}
