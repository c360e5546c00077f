import { ProductError, type ProviderId } from '@claw-cloud/contracts';
import type { JsonClient } from '../http/client.ts';
import { judgeWish } from '../judge-wish.ts';
import type { DeployWish, OpenCredential, Preflight } from '../provider.ts';
import type { AccountAnswer } from './answers.ts';
import { image, readStock, type Stock } from './catalogue.ts';
import { usersUrl } from './descriptor.ts';
import { missingOf } from './permissions.ts';
import { readAccount } from './who-am-i.ts';

const credentialCodes = [
  'credential_rejected',
  'credential_powerless',
  'address_not_allowed',
  'cloud_account_locked',
];

/**
 * What stands in the way of a deploy, in the order in which it must be solved: key, address, permissions, region, size,
 * memory, stock, operating system, price. How many servers an account may have, and whether it can pay, Vultr tells
 * only to who makes a server: of these it can only be warned.
 */
export async function preflight(
  client: JsonClient,
  provider: ProviderId,
  credential: OpenCredential,
  wish: DeployWish,
): Promise<Preflight> {
  try {
    const account = await readAccount(client, credential);
    const missing = missingOf(account);
    if (missing.length > 0) {
      const names = missing.map(({ permission }) => permission).join(', ');
      return blocked(
        new ProductError(
          'credential_powerless',
          `The key's user lacks ${names}.`,
          'Give the user these permissions at Vultr (Manage Organization, Users). The key itself stays the same.',
          { link: usersUrl },
        ),
      );
    }
    const judged = judge(await readStock(client, provider, credential, wish.region), wish);
    return { ...judged, warnings: [...warningsOf(account), ...judged.warnings] };
  } catch (error) {
    if (error instanceof ProductError && credentialCodes.includes(error.code)) return blocked(error);
    throw error;
  }
}

const blocked = (...blockers: ProductError[]): Preflight => ({ blockers, warnings: [], offer: null });

/** What the account's books let expect. A way to pay isn't shown, so nothing here is certain; pure. */
export function warningsOf({ balance, last_payment_date: paid }: AccountAnswer): string[] {
  if (balance === undefined) return [];
  if (balance > 0)
    return ['Something is open on this account at Vultr: it may refuse to make a server until that is paid.'];
  if (balance === 0 && !paid)
    return [
      'Nothing was ever paid on this account: Vultr refuses to make a server until it knows a way to pay.',
    ];
  return [];
}

/** Compares a wish with what Vultr sells; pure. */
export function judge(stock: Stock, wish: DeployWish): Preflight {
  const absent = new ProductError(
    'image_unavailable',
    `Vultr does not offer ${image} at the moment.`,
    'Try again later.',
  );
  return judgeWish('Vultr', { ...stock, imageFor: () => stock.osId?.toString() ?? absent }, wish);
}
