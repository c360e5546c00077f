import type { CloudPolicy, CloudRequest } from '../policy.ts';

const inConsole = (acl: string) =>
  `Give the user whose key this is the permission "${acl}": Manage Organization, Users, the user, Permissions. The key itself stays the same.`;

const acl = (name: string, neededFor: string) => ({ name, neededFor, fix: inConsole(name) });

const permissions = [
  acl('subscriptions_view', 'seeing the server and how it is'),
  acl('subscriptions', 'starting, stopping and destroying the server'),
  acl('provisioning', 'making the server'),
  acl('upgrade', 'giving the server another size'),
  acl('firewall', 'making, checking and deleting the firewall that lets nothing in'),
];

/** What each request needs; the first that fits counts. */
const needs: readonly (readonly [method: string, path: RegExp, acls: readonly string[]])[] = [
  // Whoever has a key may know who it is; what is sold is public.
  ['GET', /^\/account$/, []],
  ['GET', /^\/(regions|plans|os)$/, []],
  ['GET', /^\/regions\/[^/]+\/availability$/, []],
  ['GET', /^\/(instances|blocks|reserved-ips)(\/.+)?$/, ['subscriptions_view']],
  ['POST', /^\/instances$/, ['provisioning']],
  ['POST', /^\/instances\/[^/]+\/(start|halt|reboot)$/, ['subscriptions']],
  ['DELETE', /^\/(instances|blocks|reserved-ips)\/[^/]+$/, ['subscriptions']],
  ['GET', /^\/firewalls(\/.+)?$/, ['firewall']],
  ['POST', /^\/firewalls(\/[^/]+\/rules)?$/, ['firewall']],
  ['PUT', /^\/firewalls\/[^/]+$/, ['firewall']],
  ['DELETE', /^\/firewalls\/.+$/, ['firewall']],
];

function namesPlan(body: string): boolean {
  try {
    const { plan } = JSON.parse(body) as { plan?: unknown };
    return typeof plan === 'string' && plan !== '';
  } catch {
    return false;
  }
}

/** The permissions a request needs; what is not in the list is named, so that it can't pass unseen. */
function permissionsOf({ method, path, body }: CloudRequest): readonly string[] {
  const below = path.replace(/^\/v2(?=\/)/, '');
  if (method === 'PATCH' && /^\/instances\/[^/]+$/.test(below))
    return namesPlan(body) ? ['subscriptions', 'upgrade'] : ['subscriptions'];
  const found = needs.find(([wanted, pattern]) => wanted === method && pattern.test(below));
  return found ? found[2] : [`unknown: ${method} ${below}`];
}

/** The permissions ("ACLs") of the user whose key it is, no more and no less than a server's whole life asks for. */
export const policy: CloudPolicy = { permissions, permissionsOf };
