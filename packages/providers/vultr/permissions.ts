import type { MissingPermission } from '@claw-cloud/contracts';
import type { JsonClient } from '../http/client.ts';
import type { OpenCredential } from '../provider.ts';
import type { AccountAnswer } from './answers.ts';
import { policy } from './policy.ts';
import { readAccount } from './who-am-i.ts';

/** What of the policy an account's answer doesn't grant; nothing when Vultr doesn't tell the permissions. Pure. */
export function missingOf({ acls }: AccountAnswer): MissingPermission[] {
  if (!Array.isArray(acls)) return [];
  return policy.permissions
    .filter(({ name }) => !acls.includes(name))
    .map(({ name, neededFor, fix }) => ({ permission: name, neededFor, fix }));
}

/** The permissions that the key's user lacks: Vultr tells them with the account. One read, nothing else. */
export async function missingPermissions(
  client: JsonClient,
  credential: OpenCredential,
): Promise<MissingPermission[]> {
  return missingOf(await readAccount(client, credential));
}
