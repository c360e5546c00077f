import type { ProviderId } from '@claw-cloud/contracts';
import type { Provider, ProviderOptions } from '../provider.ts';
import { image, readStock } from './catalogue.ts';
import { createClient } from './client.ts';
import { deleteResource } from './delete.ts';
import { explainEngineText } from './errors.ts';
import { findByTag, findTagged, stillExisting } from './find-by-tag.ts';
import { missingPermissions } from './permissions.ts';
import { power, serverState } from './power.ts';
import { preflight } from './preflight.ts';
import { preflightResize } from './resize.ts';
import { requireTokenShape } from './token.ts';
import { whoAmI } from './who-am-i.ts';

/** DigitalOcean, or whatever speaks its API at `options.endpoint`. */
export function create(id: ProviderId, name: string, options: ProviderOptions): Provider {
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
    preflightResize: (credential, wish) => preflightResize(client, id, credential, wish),
    findByTag: (credential, tag) => findByTag(client, credential, tag),
    findTagged: (credential) => findTagged(client, credential),
    stillExisting: (credential, resources) => stillExisting(client, credential, resources),
    deleteResource: (credential, resource) => deleteResource(client, credential, resource),
    serverState: (credential, serverId) => serverState(client, credential, serverId),
    power: (credential, serverId, _region, action) => power(client, credential, serverId, action),
    engineAccess: async (credential) => credential.use(({ token = '' }) => ({ token })),
    consoleUrl: (serverId) => `https://cloud.digitalocean.com/droplets/${encodeURIComponent(serverId)}`,
    explain: explainEngineText,
  };
}
