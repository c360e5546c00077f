import type { MissingPermission } from '@claw-cloud/contracts';
import type { OpenCredential } from '../provider.ts';
import { type AwsClient, homeRegion, inTurns } from './client.ts';
import { answeredError, vendorCodeOf } from './errors.ts';
import { newestImage } from './images.ts';
import { policy, probeIds } from './policy.ts';
import { probesWith } from './probes.ts';

const atOnce = 6;
const refusals = ['UnauthorizedOperation', 'AccessDenied', 'AccessDeniedException'];
/** What says that the question was never looked at. */
const undecided =
  /^(RequestLimitExceeded|Throttling|ThrottlingException|TooManyRequests.*|AuthFailure|InvalidClientTokenId|SignatureDoesNotMatch|UnrecognizedClientException|RequestExpired|ExpiredToken.*|Blocked|OptInRequired|PendingVerification|Internal.*|ServiceUnavailable.*|Unavailable)$/;
const anyImage = 'ami-0c1a0c1a0c1a0c1a0';

/**
 * Asks about every permission of the policy by name. `DryRunOperation` means allowed, and so does any complaint beyond
 * the permission: that a probe's id doesn't exist, say. Nothing is made, changed or paid.
 */
export async function missingPermissions(
  client: AwsClient,
  credential: OpenCredential,
): Promise<MissingPermission[]> {
  const image = await newestImage(client, credential, homeRegion, 'x86').catch(() => null);
  const probes = probesWith(image ?? anyImage);
  const missing = await inTurns(policy.permissions, atOnce, async ({ name, neededFor, fix }) => {
    const allowed = await isAllowed(probes[name]?.(client, credential, homeRegion));
    return allowed ? [] : [{ permission: name, neededFor, fix }];
  });
  return missing.flat();
}

/** The ids that probes are asked on, for whoever looks at a log. */
export const isProbe = (id: string): boolean => Object.values<string>(probeIds).includes(id);

async function isAllowed(question: Promise<unknown> | undefined): Promise<boolean> {
  try {
    await question;
    return true;
  } catch (error) {
    const code = vendorCodeOf(error);
    if (code === null || undecided.test(code)) throw answeredError(error);
    return !refusals.includes(code);
  }
}
