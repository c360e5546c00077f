import type { CloudPolicy, CloudRequest } from '../policy.ts';

const inControlPanel =
  'A token\'s scopes can\'t be changed: generate a new one under API, Tokens, with "Custom Scopes", and tick this one too.';

const scope = (name: string, neededFor: string) => ({ name, neededFor, fix: inControlPanel });

const permissions = [
  scope(
    'account:read',
    'saying whose account it is, whether it is locked, and how many droplets it may have',
  ),
  scope('actions:read', 'seeing when a change of a server is done'),
  scope('droplet:create', 'making the server'),
  scope('droplet:delete', 'destroying the server'),
  scope('droplet:read', 'finding the server and seeing its state'),
  scope('droplet:update', 'starting, stopping and resizing the server'),
  scope('firewall:create', 'making the firewall that lets nothing in'),
  scope('firewall:delete', 'deleting the firewall with the server'),
  scope('firewall:read', 'seeing whether the firewall is as it was made'),
  scope('firewall:update', 'closing the firewall again after somebody opened it'),
  scope('image:read', 'finding the operating system'),
  scope('regions:read', 'showing the regions'),
  scope('sizes:read', 'showing sizes and prices'),
  scope('tag:create', "marking what belongs to an instance, so that it's found again"),
  scope('tag:delete', 'deleting the tag with the server'),
  scope('tag:read', 'finding what belongs to an instance'),
];

/** What each request needs, as DigitalOcean's reference says beside it; the first that fits counts. */
const needs: readonly (readonly [method: string, path: RegExp, scopes: readonly string[]])[] = [
  ['GET', /^\/account$/, ['account:read']],
  ['GET', /^\/actions(\/\d+)?$/, ['actions:read']],
  ['POST', /^\/droplets\/(\d+\/)?actions$/, ['droplet:update']],
  ['GET', /^\/droplets(\/.+)?$/, ['droplet:read']],
  ['POST', /^\/droplets$/, ['droplet:create']],
  ['DELETE', /^\/droplets(\/.+)?$/, ['droplet:delete']],
  ['GET', /^\/firewalls(\/[^/]+)?$/, ['firewall:read']],
  ['POST', /^\/firewalls$/, ['firewall:create']],
  ['PUT', /^\/firewalls\/[^/]+$/, ['firewall:update']],
  ['POST', /^\/firewalls\/[^/]+\/\w+$/, ['firewall:update']],
  ['DELETE', /^\/firewalls\/[^/]+\/\w+$/, ['firewall:update']],
  ['DELETE', /^\/firewalls\/[^/]+$/, ['firewall:delete']],
  ['GET', /^\/images(\/[^/]+)?$/, ['image:read']],
  ['GET', /^\/regions$/, ['regions:read']],
  ['GET', /^\/sizes$/, ['sizes:read', 'regions:read']],
  ['GET', /^\/tags(\/[^/]+)?$/, ['tag:read']],
  ['POST', /^\/tags(\/[^/]+\/resources)?$/, ['tag:create']],
  ['DELETE', /^\/tags\/[^/]+(\/resources)?$/, ['tag:delete']],
];

const makesWithTags = /^\/(droplets|firewalls(\/[^/]+)?)$/;

function namesTags(body: string): boolean {
  try {
    const { tags } = JSON.parse(body) as { tags?: unknown };
    return Array.isArray(tags) && tags.length > 0;
  } catch {
    return false;
  }
}

function permissionsOf({ method, path, body }: CloudRequest): readonly string[] {
  const below = path.replace(/^\/v2(?=\/)/, '');
  const found = needs.find(([wanted, pattern]) => wanted === method && pattern.test(below));
  // What isn't in the list is no request of ours: named so that it can't pass unseen.
  if (!found) return [`unknown: ${method} ${below}`];
  const isTagging = (method === 'POST' || method === 'PUT') && makesWithTags.test(below) && namesTags(body);
  return [...found[2], ...(isTagging ? ['tag:create', 'tag:read'] : [])];
}

/** The scopes of a token, no more and no less than a server's whole life asks for. */
export const policy: CloudPolicy = { permissions, permissionsOf };
