import { answerOf, createClients } from './client.ts';
import { machineRepository } from './machine.ts';
import { ownerRepository } from './owner.ts';
import { provisionerRepository } from './provisioner.ts';
import type { Database, DatabaseConfig } from './types.ts';

/** Opens the product's tables in hosted Supabase or its embedded stand-in. Nothing connects before the first call. */
export function createDatabase(config: DatabaseConfig): Database {
  const clients = createClients(config);
  return {
    owner: (ownerId, requestId) => ownerRepository(clients.owner(ownerId), ownerId, requestId ?? null),
    machine: machineRepository(clients.service),
    provisioner: provisionerRepository(clients.service),
    ping: async () => {
      await answerOf(clients.service.from('intake_keys').select('kid').limit(1));
    },
  };
}
