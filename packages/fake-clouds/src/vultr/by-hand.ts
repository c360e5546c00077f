import type { CloudParts } from './context.ts';
import { stamp } from './context.ts';
import { makeInstance, readOrder } from './create-instance.ts';
import type { InstanceLife } from './instance-life.ts';

/** What an owner does in the console: no request, no fault, no rate limit. */
export interface ByHand {
  /** False when there is no such instance. */
  deleteServer(id: string): Promise<boolean>;
  /** Lets inbound SSH from everywhere through a firewall group; false when there is none. */
  openFirewall(id: string): boolean;
  /** Makes an instance from the body of a `POST /instances`; throws the vendor's refusal. */
  addServer(accountName: string, body: Record<string, unknown>): Promise<string>;
}

/** The console of the pretend cloud. */
export function createByHand(parts: CloudParts, life: InstanceLife): ByHand {
  const { store, now } = parts;
  return {
    async deleteServer(id) {
      for (const [accountName, account] of store.accounts) {
        const row = account.instances.find((candidate) => candidate.id === id);
        if (!row) continue;
        await life.remove(accountName, row);
        return true;
      }
      return false;
    },
    openFirewall(id) {
      const row = [...store.accounts.values()]
        .flatMap(({ firewallGroups }) => firewallGroups)
        .find((candidate) => candidate.id === id);
      if (!row) return false;
      row.lastRule += 1;
      row.rules.push({
        id: row.lastRule,
        ipType: 'v4',
        protocol: 'tcp',
        port: '22',
        subnet: '0.0.0.0',
        subnetSize: 0,
        source: '',
        notes: '',
      });
      row.modified = stamp(now());
      return true;
    },
    async addServer(accountName, body) {
      const row = readOrder(parts, store.account(accountName), body);
      await makeInstance(parts, life, accountName, row);
      return row.id;
    },
  };
}
