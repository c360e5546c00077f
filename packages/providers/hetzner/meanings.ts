import type { ErrorCode } from '@claw-cloud/contracts';

export const consoleUrl = 'https://console.hetzner.cloud/projects';
export const limitsUrl = 'https://console.hetzner.cloud/limits';
export const statusUrl = 'https://status.hetzner.com';

/** An error of the vendor in the product's words. */
export interface Meaning {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fix: string;
  readonly link?: string;
}

const busy: Meaning = {
  code: 'resource_locked',
  message: 'Hetzner is still working on something else in this project.',
  fix: 'Wait a minute and try again.',
};
export const down: Meaning = {
  code: 'cloud_unavailable',
  message: "Hetzner's API does not work at the moment.",
  fix: `Look at ${statusUrl} and try again in a few minutes.`,
  link: statusUrl,
};
const powerless: Meaning = {
  code: 'credential_powerless',
  message: 'This token may read the project but not change it.',
  fix: 'Make an API token with "Read & Write" under Security, API tokens, and add it as a new credential.',
  link: consoleUrl,
};
const soldOut: Meaning = {
  code: 'size_sold_out',
  message: 'Hetzner has no server of this size left in this region.',
  fix: 'Choose another region or another size.',
};
const refused: Meaning = {
  code: 'cloud_refused',
  message: 'Hetzner refused the request.',
  fix: 'Choose another size or region. If it stays, tell us the operation id.',
};
const changedByHand: Meaning = {
  code: 'cloud_refused',
  message: 'The server, its firewall or its address was changed at Hetzner in a way that stands in the way.',
  fix: 'Check the instance for differences and repair them, or undo the change in the console.',
  link: consoleUrl,
};
const expected: Meaning = {
  code: 'cloud_unexpected',
  message: 'Hetzner no longer offers something that we ask for.',
  fix: 'Tell us: Hetzner has changed its interface.',
};

/**
 * The vendor's error codes (`{error: {code}}` of its API) that a server's life can meet. Those of load balancers,
 * certificates, zones and storage boxes, which are never asked for, are not among them.
 */
export const meanings: Readonly<Record<string, Meaning>> = {
  unauthorized: {
    code: 'credential_rejected',
    message: 'Hetzner does not know this API token.',
    fix: 'Copy the token again, or make a new one under Security, API tokens in the project.',
    link: consoleUrl,
  },
  token_readonly: powerless,
  forbidden: powerless,
  resource_limit_exceeded: {
    code: 'quota_reached',
    message: "The project's limit at Hetzner is reached.",
    fix: 'Delete a server you no longer need, or ask Hetzner for a higher limit under Limits.',
    link: limitsUrl,
  },
  resource_unavailable: soldOut,
  placement_error: soldOut,
  no_space_left_in_location: soldOut,
  conflict: busy,
  locked: busy,
  resource_in_use: busy,
  timeout: down,
  server_error: down,
  service_error: down,
  unknown_error: down,
  unavailable: down,
  gateway_timeout: down,
  bad_gateway: down,
  robot_unavailable: down,
  maintenance: {
    code: 'cloud_maintenance',
    message: 'Hetzner is doing maintenance where this server is.',
    fix: `Look at ${statusUrl} for its end, then try again.`,
    link: statusUrl,
  },
  rate_limit_exceeded: {
    code: 'cloud_rate_limited',
    message: 'Hetzner answers no more requests of this project for a while.',
    fix: 'Wait some minutes. Other programs with a token of the same project count too.',
  },
  protected: {
    code: 'cloud_refused',
    message: 'The server is protected against deletion in Hetzner.',
    fix: 'Switch the protection off in the console, then destroy again.',
    link: consoleUrl,
  },
  uniqueness_error: {
    code: 'cloud_refused',
    message: 'The project already has something of this name.',
    fix: 'Try again: what an interrupted attempt left behind is then taken over.',
  },
  invalid_server_type: {
    code: 'size_unknown',
    message: 'Hetzner does not offer this size for this server.',
    fix: 'Reload the form and choose another size.',
  },
  server_not_stopped: {
    code: 'resource_locked',
    message: 'The server was switched on while its size was to be changed.',
    fix: 'Try again.',
  },
  action_failed: {
    code: 'cloud_unexpected',
    message: 'Hetzner began, but could not finish what was asked.',
    fix: 'Try again. If it happens again, choose another region.',
  },
  account_locked: {
    code: 'cloud_account_locked',
    message: 'Hetzner has locked this account.',
    fix: 'Sign in at Hetzner: it says there what to do.',
    link: consoleUrl,
  },
  resource_locked: {
    code: 'cloud_account_locked',
    message: 'Hetzner has locked this server or this account, and asks you to write to its support.',
    fix: 'Sign in at Hetzner and write to its support under Help.',
    link: consoleUrl,
  },
  invalid_input: refused,
  json_error: refused,
  unsupported_error: expected,
  deprecated_api_endpoint: expected,
  networks_overlap: changedByHand,
  ip_not_available: changedByHand,
  no_subnet_available: changedByHand,
  server_already_attached: changedByHand,
  server_already_added: changedByHand,
  server_has_ipv4: changedByHand,
  server_has_ipv6: changedByHand,
  server_is_load_balancer_target: changedByHand,
  primary_ip_assigned: changedByHand,
  primary_ip_already_assigned: changedByHand,
  primary_ip_datacenter_mismatch: changedByHand,
  primary_ip_version_mismatch: changedByHand,
  volume_already_attached: changedByHand,
  firewall_already_applied: changedByHand,
  firewall_already_removed: changedByHand,
  firewall_resource_not_found: changedByHand,
  firewall_managed_by_label_selector: changedByHand,
  incompatible_network_type: changedByHand,
  private_net_only_server: changedByHand,
};

/** What a refused field of an order means; the vendor names them in `details.fields`. */
export const fieldMeanings: Readonly<Record<string, Meaning>> = {
  server_type: {
    code: 'size_unknown',
    message: 'Hetzner no longer offers this size here.',
    fix: 'Reload the form and choose another size.',
  },
  location: {
    code: 'region_unknown',
    message: 'Hetzner does not offer this size in this region.',
    fix: 'Reload the form and choose another region.',
  },
  image: {
    code: 'image_unavailable',
    message: 'Hetzner no longer offers the operating system that servers start from.',
    fix: 'Try again later. If it stays, tell us.',
  },
  user_data: {
    code: 'user_data_too_large',
    message: 'What the server is to be set up with is too large for Hetzner.',
    fix: 'Tell us the operation id: this should not happen.',
  },
};

/** Which limit was reached, for a person; the vendor names it in `details.limits`. */
export const limitNames: Readonly<Record<string, string>> = {
  server_limit: 'servers',
  primary_ip_limit: 'primary IP addresses',
  dedicated_core_limit: 'dedicated cores',
  shared_core_limit: 'shared cores',
  firewall_limit: 'firewalls',
};

/** What an answer without a readable body means. */
export const byStatus: Readonly<Record<number, string>> = {
  400: 'invalid_input',
  401: 'unauthorized',
  403: 'forbidden',
  409: 'conflict',
  412: 'resource_unavailable',
  422: 'invalid_input',
  423: 'locked',
  429: 'rate_limit_exceeded',
};
