import { type MissingPermission, ProductError } from '@claw-cloud/contracts';
import type { JsonClient, JsonObject, Query } from '../http/client.ts';
import type { OpenCredential } from '../provider.ts';
import { image } from './catalogue.ts';
import { tokensUrl } from './descriptor.ts';
import { policy } from './policy.ts';
import { requireTokenShape } from './token.ts';

type Probe =
  | { readonly scope: string; readonly read: string; readonly query?: Query }
  | {
      readonly scope: string;
      readonly method: 'POST' | 'PUT' | 'DELETE';
      readonly path: string;
      readonly body?: JsonObject;
    };

/** The first droplet there ever was: deleted long ago, and never this account's. */
const nobodysDroplet = '/v2/droplets/1';
const nobodysFirewall = '/v2/firewalls/00000000-0000-4000-8000-000000000000';
const nobodysTag = '/v2/tags/claw-nobody-bears-this-tag';
const one: Query = { per_page: 1 };

/**
 * A request per scope. Reads are as they are; writes are such that nobody may make them (a droplet without anything,
 * something that isn't there): 403 for who lacks the scope, 404 or 422 for who has it. Nothing is made, nothing costs.
 */
const probes: readonly Probe[] = [
  { scope: 'account:read', read: '/v2/account' },
  { scope: 'actions:read', read: '/v2/actions', query: one },
  { scope: 'droplet:create', method: 'POST', path: '/v2/droplets', body: { name: '' } },
  { scope: 'droplet:delete', method: 'DELETE', path: nobodysDroplet },
  { scope: 'droplet:read', read: '/v2/droplets', query: one },
  { scope: 'droplet:update', method: 'POST', path: `${nobodysDroplet}/actions`, body: { type: 'power_on' } },
  { scope: 'firewall:create', method: 'POST', path: '/v2/firewalls', body: { name: '' } },
  { scope: 'firewall:delete', method: 'DELETE', path: nobodysFirewall },
  { scope: 'firewall:read', read: '/v2/firewalls', query: one },
  { scope: 'firewall:update', method: 'PUT', path: nobodysFirewall, body: { name: '' } },
  { scope: 'image:read', read: `/v2/images/${image}` },
  { scope: 'regions:read', read: '/v2/regions', query: one },
  { scope: 'sizes:read', read: '/v2/sizes', query: one },
  { scope: 'tag:create', method: 'POST', path: '/v2/tags', body: { name: '' } },
  { scope: 'tag:delete', method: 'DELETE', path: nobodysTag },
  { scope: 'tag:read', read: '/v2/tags', query: one },
];

async function isMissing(client: JsonClient, credential: OpenCredential, probe: Probe): Promise<boolean> {
  try {
    if ('read' in probe) await client.get(credential, probe.read, probe.query ?? {});
    else await client.send(credential, probe.method, probe.path, probe.body);
    return false;
  } catch (error) {
    if (!(error instanceof ProductError)) throw error;
    if (error.code === 'credential_powerless') return true;
    // The account's troubles are for the preflight to tell; here they only mean that the scope is there.
    const answered = [
      'cloud_refused',
      'size_unknown',
      'image_unavailable',
      'quota_reached',
      'billing_missing',
    ];
    if ([...answered, 'account_unverified', 'resource_locked', 'conflict'].includes(error.code)) return false;
    if (error.code === 'cloud_unexpected' && (error.options.cause as { status?: number })?.status === 400)
      return false;
    throw error;
  }
}

/** The scopes a token lacks, by name and in the order of the policy, found by asking for each. */
export async function missingPermissions(
  client: JsonClient,
  credential: OpenCredential,
): Promise<MissingPermission[]> {
  requireTokenShape(credential);
  const found = await Promise.all(
    probes.map(async (probe) => ({
      scope: probe.scope,
      missing: await isMissing(client, credential, probe),
    })),
  );
  const missing = new Set(found.filter((entry) => entry.missing).map((entry) => entry.scope));
  return policy.permissions
    .filter(({ name }) => missing.has(name))
    .map(({ name, neededFor, fix }) => ({ permission: name, neededFor, fix, link: tokensUrl }));
}
