/** What each route asks of a token: `<resource>:<verb>`, as the vendor's reference names it. Fixed paths first. */
const needs: readonly (readonly [operation: string, pattern: RegExp, scopes: readonly string[]])[] = [
  ['GET /v2/account', /^\/v2\/account$/, ['account:read']],
  ['GET /v2/actions', /^\/v2\/actions$/, ['actions:read']],
  ['GET /v2/actions/{action_id}', /^\/v2\/actions\/[^/]+$/, ['actions:read']],
  ['POST /v2/droplets/actions', /^\/v2\/droplets\/actions$/, ['droplet:update']],
  ['GET /v2/droplets', /^\/v2\/droplets$/, ['droplet:read']],
  ['POST /v2/droplets', /^\/v2\/droplets$/, ['droplet:create']],
  ['DELETE /v2/droplets', /^\/v2\/droplets$/, ['droplet:delete']],
  ['GET /v2/droplets/{droplet_id}', /^\/v2\/droplets\/[^/]+$/, ['droplet:read']],
  ['DELETE /v2/droplets/{droplet_id}', /^\/v2\/droplets\/[^/]+$/, ['droplet:delete']],
  ['GET /v2/droplets/{droplet_id}/actions', /^\/v2\/droplets\/[^/]+\/actions$/, ['droplet:read']],
  ['POST /v2/droplets/{droplet_id}/actions', /^\/v2\/droplets\/[^/]+\/actions$/, ['droplet:update']],
  [
    'GET /v2/droplets/{droplet_id}/actions/{action_id}',
    /^\/v2\/droplets\/[^/]+\/actions\/[^/]+$/,
    ['droplet:read'],
  ],
  ['GET /v2/droplets/{droplet_id}/firewalls', /^\/v2\/droplets\/[^/]+\/firewalls$/, ['firewall:read']],
  ['GET /v2/firewalls', /^\/v2\/firewalls$/, ['firewall:read']],
  ['POST /v2/firewalls', /^\/v2\/firewalls$/, ['firewall:create']],
  ['GET /v2/firewalls/{firewall_id}', /^\/v2\/firewalls\/[^/]+$/, ['firewall:read']],
  ['PUT /v2/firewalls/{firewall_id}', /^\/v2\/firewalls\/[^/]+$/, ['firewall:update']],
  ['DELETE /v2/firewalls/{firewall_id}', /^\/v2\/firewalls\/[^/]+$/, ['firewall:delete']],
  ['GET /v2/images', /^\/v2\/images$/, ['image:read']],
  ['GET /v2/images/{image_id}', /^\/v2\/images\/[^/]+$/, ['image:read']],
  ['GET /v2/regions', /^\/v2\/regions$/, ['regions:read']],
  ['GET /v2/sizes', /^\/v2\/sizes$/, ['sizes:read', 'regions:read']],
  ['GET /v2/tags', /^\/v2\/tags$/, ['tag:read']],
  ['POST /v2/tags', /^\/v2\/tags$/, ['tag:create']],
  ['GET /v2/tags/{tag_id}', /^\/v2\/tags\/[^/]+$/, ['tag:read']],
  ['DELETE /v2/tags/{tag_id}', /^\/v2\/tags\/[^/]+$/, ['tag:delete']],
  ['POST /v2/tags/{tag_id}/resources', /^\/v2\/tags\/[^/]+\/resources$/, ['tag:create']],
  ['DELETE /v2/tags/{tag_id}/resources', /^\/v2\/tags\/[^/]+\/resources$/, ['tag:delete']],
];

/** The operations this cloud knows, with the scopes they ask for. */
export const operations = needs.map(([operation, , scopes]) => ({ operation, scopes }));

/** The scopes that a request asks for; null for a route that isn't there. */
export function scopesOf(method: string, path: string): readonly string[] | null {
  const found = needs.find(
    ([operation, pattern]) => operation.startsWith(`${method} `) && pattern.test(path),
  );
  return found?.[2] ?? null;
}

/** Every scope there is here, or those that only read. */
export function allScopes(only?: 'read'): string[] {
  const all = new Set(needs.flatMap(([, , scopes]) => scopes));
  return [...all].filter((scope) => only === undefined || scope.endsWith(`:${only}`)).sort();
}
