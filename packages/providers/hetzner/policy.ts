import type { CloudPolicy, CloudRequest } from '../policy.ts';

const read = 'Read';
const write = 'Read & Write';

/** A request that is sent to Hetzner, by us or by the engine's plugin; `{id}` and `{name}` stand for one segment. */
interface Sent {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly neededFor: string;
}

const reads = (paths: readonly string[], neededFor: string): Sent[] =>
  paths.map((path) => ({ method: 'GET', path, neededFor }));
const writes = (method: 'POST' | 'PUT' | 'DELETE', path: string, neededFor: string): Sent => ({
  method,
  path,
  neededFor,
});

/** Every request that is ever sent with the token, and no other. */
export const sentRequests: readonly Sent[] = [
  ...reads(
    [
      '/locations',
      '/datacenters',
      '/server_types',
      '/server_types/{id}',
      '/images',
      '/images/{id}',
      '/pricing',
    ],
    'showing regions, sizes and prices',
  ),
  ...reads(['/servers', '/servers/{id}'], 'finding a server and showing its state'),
  ...reads(['/firewalls', '/firewalls/{id}'], 'finding a firewall, and noticing changes to it'),
  ...reads(
    ['/primary_ips', '/primary_ips/{id}'],
    "finding the server's addresses, and showing that they are gone",
  ),
  ...reads(
    ['/volumes', '/volumes/{id}', '/networks', '/networks/{id}'],
    'finding all that bears the label, so that nothing is left behind',
  ),
  ...reads(['/actions', '/actions/{id}'], 'waiting until Hetzner has finished'),
  writes(
    'POST',
    '/firewalls',
    'making the firewall; without a name, finding out whether the token may write',
  ),
  writes('POST', '/firewalls/{id}/actions/set_rules', 'closing a firewall that was opened by hand'),
  writes('POST', '/firewalls/{id}/actions/apply_to_resources', 'putting the firewall before the server'),
  writes('POST', '/firewalls/{id}/actions/remove_from_resources', 'taking the firewall away with the server'),
  writes('PUT', '/firewalls/{id}', 'repairing its name and label'),
  writes('DELETE', '/firewalls/{id}', 'destroying'),
  writes('POST', '/servers', 'making the server'),
  writes('PUT', '/servers/{id}', 'repairing its name and label'),
  writes('POST', '/servers/{id}/actions/poweron', 'starting'),
  writes('POST', '/servers/{id}/actions/shutdown', 'stopping in order'),
  writes('POST', '/servers/{id}/actions/poweroff', 'stopping what does not stop in order, and resizing'),
  writes('POST', '/servers/{id}/actions/reboot', 'rebooting'),
  writes('POST', '/servers/{id}/actions/change_type', 'resizing'),
  writes('DELETE', '/servers/{id}', 'destroying'),
  writes('DELETE', '/primary_ips/{id}', 'destroying an address that lost its server'),
  writes('DELETE', '/volumes/{id}', 'destroying'),
  writes('DELETE', '/networks/{id}', 'destroying'),
];

const patterns = sentRequests.map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll(/\{[a-z]+\}/g, '\\d+')}$`),
}));

function isSent({ method, path }: CloudRequest): boolean {
  return patterns.some((sent) => sent.method === method && sent.pattern.test(path));
}

/**
 * Hetzner's tokens read, or read and write; there is nothing finer. What is ever sent is a list of its own, and a
 * request beyond it is a permission that the policy doesn't know.
 */
export const policy: CloudPolicy = {
  permissions: [
    {
      name: read,
      neededFor: 'showing what is for sale and what there is',
      fix: 'Make an API token under Security, API tokens in the project.',
    },
    {
      name: write,
      neededFor: 'making and deleting the server and its firewall',
      fix: 'Make an API token with "Read & Write" under Security, API tokens in the project. A token\'s rights can\'t be changed later.',
    },
  ],
  permissionsOf(request) {
    if (!isSent(request)) return [`unlisted: ${request.method} ${request.path}`];
    return [request.method === 'GET' ? read : write];
  },
};

/** The policy for people and programs to read: what the token needs, and every request that is sent with it. */
export const policyText = `${JSON.stringify(
  {
    permissions: policy.permissions.map(({ name, neededFor }) => ({ name, neededFor })),
    requests: sentRequests,
  },
  null,
  2,
)}\n`;
