import type { ProviderId } from '@claw-cloud/contracts';
import type { Provider, ProviderOptions } from '../provider.ts';
import { image, readStock } from './catalogue.ts';
import { createClient } from './client.ts';
import { deleteResource } from './delete.ts';
import { explainEngineText } from './errors.ts';
import { findByTag, stillExisting } from './find-by-tag.ts';
import { missingPermissions } from './permissions.ts';
import { power, serverStatus } from './power.ts';
import { preflight } from './preflight.ts';
import { requireTokenShape } from './token.ts';
import { whoAmI } from './who-am-i.ts';

/** Hetzner Cloud, or whatever speaks its API at `options.endpoint`. */
export function createHetzner(id: ProviderId, name: string, options: ProviderOptions): Provider {
  const client = createClient(options);
  return {
    id,
    name,
    image,
    whoAmI: (credential) => whoAmI(client, name, credential),
    missingPermissions: (credential) => missingPermissions(client, credential),
    async catalogue(credential) {
      requireTokenShape(credential);
      return (await readStock(client, id, credential)).catalogue;
    },
    preflight: (credential, wish) => preflight(client, id, credential, wish),
    findByTag: (credential, tag) => findByTag(client, credential, tag),
    stillExisting: (credential, resources) => stillExisting(client, credential, resources),
    deleteResource: (credential, resource) => deleteResource(client, credential, resource),
    serverStatus: (credential, serverId) => serverStatus(client, credential, serverId),
    power: (credential, serverId, action) => power(client, credential, serverId, action),
    explain: explainEngineText,
  };
}
