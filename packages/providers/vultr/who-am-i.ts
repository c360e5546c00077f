import type { CloudAccount } from '@claw-cloud/contracts';
import type { JsonClient } from '../http/client.ts';
import { maskedEmail } from '../masked-email.ts';
import type { OpenCredential } from '../provider.ts';
import type { AccountAnswer } from './answers.ts';
import { requireKeyShape } from './key.ts';

/** The account a key belongs to, as Vultr tells it. Raises `credential_rejected` and `address_not_allowed`. */
export async function readAccount(client: JsonClient, credential: OpenCredential): Promise<AccountAnswer> {
  requireKeyShape(credential);
  const body = await client.get(credential, '/v2/account');
  return (body?.account ?? {}) as AccountAnswer;
}

/** Whose key it is: the user's name and masked e-mail. What the account owes is nobody's business here. */
export async function whoAmI(
  client: JsonClient,
  name: string,
  credential: OpenCredential,
): Promise<CloudAccount> {
  const account = await readAccount(client, credential);
  const label = account.name ? `${name} user ${account.name}` : `${name} account`;
  return {
    label: label.slice(0, 200),
    ...(account.email ? { detail: maskedEmail(account.email).slice(0, 200) } : {}),
  };
}
