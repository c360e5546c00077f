import { ProductError, type ProviderId } from '@claw-cloud/contracts';
import type { JsonClient } from '../http/client.ts';
import { judgeWish } from '../judge-wish.ts';
import type { DeployWish, OpenCredential, Preflight } from '../provider.ts';
import type { AccountAnswer } from './answers.ts';
import { image, readStock, type Stock } from './catalogue.ts';
import { tokensUrl } from './descriptor.ts';
import { asError, dropletLimit, lockedAccount, unpaidAccount, unverifiedAccount } from './errors.ts';
import { missingPermissions } from './permissions.ts';
import { readAccount } from './who-am-i.ts';

const credentialCodes = ['credential_rejected', 'credential_powerless', 'cloud_account_locked'];

/**
 * What stands in the way of a deploy, in the order in which it must be solved: token, scopes, account, droplet limit,
 * region, size, memory, stock, image, price.
 */
export async function preflight(
  client: JsonClient,
  provider: ProviderId,
  credential: OpenCredential,
  wish: DeployWish,
): Promise<Preflight> {
  try {
    const missing = await missingPermissions(client, credential);
    if (missing.length > 0) {
      const names = missing.map(({ permission }) => permission).join(', ');
      return blocked(
        new ProductError('credential_powerless', `The token lacks ${names}.`, missing[0]?.fix ?? '', {
          link: tokensUrl,
        }),
      );
    }
    const [account, droplets, stock] = await Promise.all([
      readAccount(client, credential),
      countDroplets(client, credential),
      readStock(client, provider, credential),
    ]);
    const ofAccount = judgeAccount(account, droplets);
    const ofWish = judge(stock, wish);
    return {
      blockers: [...ofAccount.blockers, ...ofWish.blockers],
      warnings: [...ofAccount.warnings, ...ofWish.warnings],
      offer: ofWish.offer,
    };
  } catch (error) {
    if (error instanceof ProductError && credentialCodes.includes(error.code)) return blocked(error);
    throw error;
  }
}

const blocked = (...blockers: ProductError[]): Preflight => ({ blockers, warnings: [], offer: null });

async function countDroplets(client: JsonClient, credential: OpenCredential): Promise<number> {
  const body = await client.get(credential, '/v2/droplets', { per_page: 1 });
  const total = (body?.meta as { total?: unknown } | undefined)?.total;
  return typeof total === 'number' ? total : 0;
}

const aboutMoney = /bill|payment|pay |card|invoice|balance|past due/i;

/** What the account itself stands in the way with; pure. Its status text is read, and not passed on. */
export function judgeAccount(
  account: AccountAnswer,
  droplets: number,
): Pick<Preflight, 'blockers' | 'warnings'> {
  const blockers: ProductError[] = [];
  const warnings: string[] = [];
  if (account.status === 'locked') blockers.push(asError(lockedAccount));
  if (account.email_verified === false) blockers.push(asError(unverifiedAccount));
  if (account.status === 'warning') {
    if (aboutMoney.test(account.status_message ?? '')) blockers.push(asError(unpaidAccount));
    else
      warnings.push(
        'DigitalOcean has put a warning on this account: sign in there to read it. It may refuse to make a server.',
      );
  }
  const limit = account.droplet_limit;
  if (limit !== undefined && droplets >= limit) {
    blockers.push(
      asError({
        ...dropletLimit,
        message: `The account has ${droplets} of the ${limit} droplets it may have.`,
      }),
    );
  } else if (limit !== undefined && droplets === limit - 1) {
    warnings.push(`This is the last of the ${limit} droplets the account may have.`);
  }
  return { blockers, warnings };
}

/** Compares a wish with what DigitalOcean sells; pure. */
export function judge(stock: Stock, wish: DeployWish): Preflight {
  const closed = stock.closedRegions.find((entry) => entry.id === wish.region);
  const judged = judgeWish(
    'DigitalOcean',
    {
      ...stock,
      imageFor: (_size, region) =>
        stock.imageRegions.has(region.id)
          ? image
          : new ProductError(
              'image_unavailable',
              `The image ${image} is not there in ${region.name} at the moment.`,
              'Choose another region, or try again later.',
            ),
    },
    wish,
  );
  if (!closed) return judged;
  const [unknown, ...others] = judged.blockers;
  const told = new ProductError(
    'region_unknown',
    `${closed.name} takes no new droplets at the moment.`,
    unknown?.fix ?? '',
  );
  return { ...judged, blockers: [told, ...others] };
}
