import { ProductError, type ProviderId } from '@claw-cloud/contracts';
import { judgeWish } from '../judge-wish.ts';
import type { DeployWish, OpenCredential, Preflight } from '../provider.ts';
import { image, readStock, type Stock } from './catalogue.ts';
import type { HetznerClient } from './client.ts';
import { consoleUrl } from './meanings.ts';
import { missingPermissions } from './permissions.ts';

const credentialCodes = ['credential_rejected', 'credential_powerless', 'cloud_account_locked'];

/**
 * What stands in the way of a deploy, in the order in which it must be solved: token, its rights, region, size,
 * memory, stock, image, price. A project's limit can't be read at Hetzner: only the create finds it out.
 */
export async function preflight(
  client: HetznerClient,
  provider: ProviderId,
  credential: OpenCredential,
  wish: DeployWish,
): Promise<Preflight> {
  try {
    const [missing] = await missingPermissions(client, credential);
    if (missing) {
      return blocked(
        new ProductError('credential_powerless', `The token lacks "${missing.permission}".`, missing.fix, {
          link: consoleUrl,
        }),
      );
    }
    return judge(await readStock(client, provider, credential), wish);
  } catch (error) {
    if (error instanceof ProductError && credentialCodes.includes(error.code)) return blocked(error);
    throw error;
  }
}

const blocked = (...blockers: ProductError[]): Preflight => ({ blockers, warnings: [], offer: null });

/** Compares a wish with what the cloud sells; pure. */
export function judge(stock: Stock, wish: DeployWish): Preflight {
  const imageFor = ({ architecture }: { architecture: 'x86' | 'arm' }) =>
    stock.imageArchitectures.has(architecture)
      ? image
      : new ProductError(
          'image_unavailable',
          `The image ${image} is not there for ${architecture} at the moment.`,
          'Choose a size of the other architecture, or try again later.',
        );
  return judgeWish('The cloud', { ...stock, imageFor }, wish);
}
