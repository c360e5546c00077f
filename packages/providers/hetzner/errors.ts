import { type ErrorCode, ProductError } from '@claw-cloud/contracts';

export const consoleUrl = 'https://console.hetzner.cloud/projects';

interface Meaning {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fix: string;
  readonly link?: string;
}

const busy: Meaning = {
  code: 'cloud_unavailable',
  message: 'Hetzner is still working on something else in this project.',
  fix: 'Wait a minute and try again.',
};
const down: Meaning = {
  code: 'cloud_unavailable',
  message: "Hetzner's API does not work at the moment.",
  fix: 'Look at https://status.hetzner.com and try again in a few minutes.',
  link: 'https://status.hetzner.com',
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
const protectedItem: Meaning = {
  code: 'cloud_refused',
  message: 'The server is protected against deletion in Hetzner.',
  fix: 'Switch the protection off in the console, then destroy again.',
  link: consoleUrl,
};

/** The vendor's error codes (`{error: {code}}` of its API) in the product's words. */
const meanings: Record<string, Meaning> = {
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
    link: 'https://console.hetzner.cloud/limits',
  },
  resource_unavailable: soldOut,
  placement_error: soldOut,
  conflict: busy,
  locked: busy,
  resource_in_use: busy,
  timeout: down,
  server_error: down,
  service_error: down,
  unavailable: down,
  maintenance: down,
  gateway_timeout: down,
  bad_gateway: down,
  rate_limit_exceeded: {
    code: 'cloud_rate_limited',
    message: 'Hetzner answers no more requests of this project for a while.',
    fix: 'Wait some minutes. Other programs with a token of the same project count too.',
  },
  protected: protectedItem,
  uniqueness_error: {
    code: 'cloud_refused',
    message: 'The project already has something of this name.',
    fix: 'Try again: what an interrupted attempt left behind is then taken over.',
  },
  invalid_server_type: {
    code: 'size_unknown',
    message: 'Hetzner no longer offers this size.',
    fix: 'Reload the form and choose another size.',
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
  invalid_input: {
    code: 'cloud_refused',
    message: 'Hetzner refused the request.',
    fix: 'Choose another size or region. If it stays, tell us the operation id.',
  },
};

const byStatus: Record<number, string> = {
  401: 'unauthorized',
  403: 'forbidden',
  409: 'conflict',
  423: 'locked',
  429: 'rate_limit_exceeded',
};

function error(meaning: Meaning, vendorCode: string, status?: number): ProductError {
  return new ProductError(meaning.code, meaning.message, meaning.fix, {
    ...(meaning.link === undefined ? {} : { link: meaning.link }),
    // For the log: the vendor's code is a word of a list, never a text of theirs.
    cause: { vendorCode, ...(status === undefined ? {} : { status }) },
  });
}

/** The product's error for an answer of Hetzner that is none of 2xx and 404. Vendor texts are not passed on. */
export function answeredError(status: number, body: Record<string, unknown> | undefined): ProductError {
  const given = (body?.error as { code?: unknown } | undefined)?.code;
  const code = typeof given === 'string' && /^[a-z_]{1,60}$/.test(given) ? given : undefined;
  const meaning = meanings[code ?? byStatus[status] ?? ''];
  if (meaning) return error(meaning, code ?? `http_${status}`, status);
  if (status >= 500) return error(down, code ?? `http_${status}`, status);
  return new ProductError(
    'cloud_unexpected',
    `Hetzner answered with something we don't understand (${code ?? `HTTP ${status}`}).`,
    'Try again. If it stays, tell us: Hetzner may have changed its interface.',
    { cause: { vendorCode: code ?? null, status } },
  );
}

/** The error for an API that could not be reached within the time. */
export function unreachable(host: string, cause: unknown): ProductError {
  return new ProductError(
    'cloud_unavailable',
    `${host} could not be reached.`,
    'Check the network of the control plane and https://status.hetzner.com, then try again.',
    { cause: cause instanceof Error ? cause.name : typeof cause },
  );
}

/**
 * The engine prints the vendor's errors as `text (code, request id)` (hcloud-go's Error.Error): the code is enough to
 * say the same as without the engine. Null when the text holds none that is known.
 */
export function explainEngineText(text: string): ProductError | null {
  for (const [, code = ''] of text.matchAll(/\(([a-z_]{4,60})(?:, ?[0-9A-Za-z-]*)?\)/g)) {
    const meaning = meanings[code];
    if (meaning) return error(meaning, code);
  }
  if (/unauthorized|unable to authenticate/i.test(text))
    return error(meanings.unauthorized as Meaning, 'unauthorized');
  if (/context deadline exceeded|connection refused|no such host|EOF\b/.test(text))
    return error(down, 'transport');
  return null;
}
