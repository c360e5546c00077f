import { type CloudAccount, ProductError } from '@claw-cloud/contracts';
import type { JsonClient } from '../http/client.ts';
import { maskedEmail } from '../masked-email.ts';
import type { OpenCredential } from '../provider.ts';
import type { AccountAnswer } from './answers.ts';
import { requireTokenShape } from './token.ts';

/** The account a token belongs to, as DigitalOcean tells it. */
export async function readAccount(client: JsonClient, credential: OpenCredential): Promise<AccountAnswer> {
  const body = await client.get(credential, '/v2/account');
  return (body?.account ?? {}) as AccountAnswer;
}

/** Whose token it is: team, masked e-mail and state of the account. Raises `credential_rejected`. */
export async function whoAmI(
  client: JsonClient,
  name: string,
  credential: OpenCredential,
): Promise<CloudAccount> {
  requireTokenShape(credential);
  try {
    const { email, status, team, droplet_limit: limit } = await readAccount(client, credential);
    const detail = [
      ...(email ? [maskedEmail(email)] : []),
      ...(status ? [`account ${status}`] : []),
      ...(limit ? [limit === 1 ? 'up to 1 droplet' : `up to ${limit} droplets`] : []),
    ].join(', ');
    const label = team?.name ? `${name} team ${team.name}` : `${name} account`;
    return { label: label.slice(0, 200), ...(detail === '' ? {} : { detail: detail.slice(0, 200) }) };
  } catch (error) {
    // The account may not be read with it, yet it is known: what it lacks is then said scope by scope.
    if (!(error instanceof ProductError) || error.code !== 'credential_powerless') throw error;
    return { label: `${name} account`, detail: 'the token may not say whose' };
  }
}
