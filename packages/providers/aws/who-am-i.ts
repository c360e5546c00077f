import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { type CloudAccount, ProductError } from '@claw-cloud/contracts';
import type { OpenCredential } from '../provider.ts';
import type { AwsClient } from './client.ts';
import { asked } from './errors.ts';
import { usersUrl } from './meanings.ts';
import { secretOf } from './secret.ts';
import { requireExternalId } from './session.ts';

/**
 * The account's number and the user's or role's name. Raises `credential_rejected` for a key that AWS doesn't know, for
 * one of the root user, and for a role that lends itself to others.
 */
export async function whoAmI(
  client: AwsClient,
  name: string,
  credential: OpenCredential,
): Promise<CloudAccount> {
  const secret = secretOf(credential);
  const { Account = '', Arn = '' } = await asked(
    client.sts(credential).send(new GetCallerIdentityCommand({})),
  );
  if (secret.method === 'role') await requireExternalId(client, secret.roleArn);
  if (Arn.endsWith(':root')) {
    throw new ProductError(
      'credential_rejected',
      'This is an access key of the root user: it may do everything, and nothing can limit it.',
      'Delete it in the account menu under "Security credentials", then make a user in IAM with the policy of this page.',
      { link: usersUrl },
    );
  }
  const [kind, ...path] = (Arn.split(':').at(-1) ?? '').split('/');
  const [role] = path;
  const who = kind === 'assumed-role' ? `role ${role}` : `user ${path.at(-1)}`;
  return { label: `${name} account ${Account}`, detail: who.slice(0, 200) };
}
