import { setTimeout as delay } from 'node:timers/promises';
import type { Cloud, CredentialSecret } from '@claw-cloud/contracts';
import { type CloudResource, provider } from '@claw-cloud/providers';

const rounds = 10;
const longestPauseMs = 15_000;

/** The owner's own look into their account, past the platform: what decides whether the smoke test is clean. */
export interface Account {
  /** The account as the cloud names it. */
  name(): Promise<string>;
  listed(tag: string): Promise<CloudResource[]>;
  /** Deletes what bears the tag until two listings in a row are empty; returns what a bounded number of rounds left. */
  clear(tag: string, say: (line: string) => void): Promise<CloudResource[]>;
}

/** Opens the account with the credential in hand. */
export async function openAccount(
  cloud: Pick<Cloud, 'id'>,
  secret: CredentialSecret,
  endpoint: string | undefined,
): Promise<Account> {
  const at = await provider(cloud.id, endpoint === undefined ? {} : { endpoint });
  const credential = { use: <R>(fn: (secret: CredentialSecret) => R) => fn(secret) };
  const listed = (tag: string) => at.findByTag(credential, tag);
  return {
    name: async () => {
      const { label, detail } = await at.whoAmI(credential);
      return detail === undefined ? label : `${label} (${detail})`;
    },
    listed,
    async clear(tag, say) {
      let empty = 0;
      for (let round = 1; ; round += 1) {
        const left = await listed(tag).catch((error: unknown) => {
          if (round === rounds) throw error;
          return null;
        });
        empty = left?.length === 0 ? empty + 1 : 0;
        if (empty === 2) return [];
        if (round === rounds) return left ?? [];
        for (const resource of left ?? []) {
          if (resource.deletedWith !== null) continue;
          say(`deleting ${resource.kind.replace('_', ' ')} ${resource.name}`);
          await at.deleteResource(credential, resource).catch(() => undefined);
        }
        await delay(Math.min(1_000 * 2 ** (round - 1), longestPauseMs));
      }
    },
  };
}
