import type { ProviderId } from '@claw-cloud/contracts';
import type { Provider, ProviderOptions } from '../provider.ts';
import { readStock } from './catalogue.ts';
import { createClient } from './client.ts';
import { deleteResource } from './delete.ts';
import { explainEngineText } from './errors.ts';
import { findByTag, findTagged, stillExisting } from './find.ts';
import { image } from './images.ts';
import { missingPermissions } from './permissions.ts';
import { power, serverState } from './power.ts';
import { preflight } from './preflight.ts';
import { preflightResize } from './resize.ts';
import { whoAmI } from './who-am-i.ts';

/** AWS, or whatever speaks its API at `options.endpoint`: EC2, STS, Pricing and Service Quotas. */
export function create(id: ProviderId, name: string, options: ProviderOptions): Provider {
  const client = createClient(options);
  return {
    id,
    name,
    image,
    whoAmI: (credential) => whoAmI(client, name, credential),
    missingPermissions: (credential) => missingPermissions(client, credential),
    catalogue: async (credential) => (await readStock(client, id, credential)).catalogue,
    preflight: (credential, wish) => preflight(client, id, credential, wish),
    preflightResize: (credential, wish) => preflightResize(client, id, credential, wish),
    findByTag: (credential, tag) => findByTag(client, credential, tag),
    findTagged: (credential) => findTagged(client, credential),
    stillExisting: (credential, resources) => stillExisting(client, credential, resources),
    deleteResource: (credential, resource) => deleteResource(client, credential, resource),
    serverState: (credential, serverId, region) => serverState(client, credential, serverId, region),
    power: (credential, serverId, region, action) => power(client, credential, serverId, region, action),
    /** The owner's keys, or a session of the owner's role; never anything of the platform's own. */
    engineAccess: async (credential) => ({ ...(await client.session(credential)).keys }),
    consoleUrl: (serverId, region) =>
      `https://${region}.console.aws.amazon.com/ec2/home?region=${region}#InstanceDetails:instanceId=${serverId}`,
    explain: explainEngineText,
  };
}
