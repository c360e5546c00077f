import { isIP } from 'node:net';
import { type ErrorCode, ProductError } from '@claw-cloud/contracts';
import { type RefusedAnswer, unknownAnswer } from '../http/answer.ts';
import { apiUrl, billingUrl, usersUrl } from './descriptor.ts';

const cloud = 'Vultr';
const limitsUrl = 'https://my.vultr.com/billing/#billinglimits';
const supportUrl = 'https://my.vultr.com/support/';
const statusUrl = 'https://status.vultr.com';

interface Meaning {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fix: string;
  readonly link?: string;
}

const unknownKey: Meaning = {
  code: 'credential_rejected',
  message: 'Vultr does not know this API key.',
  fix: 'Copy the key again, or make a new one: it may have expired or been deleted, or the API may be off for its user.',
  link: apiUrl,
};
const powerless: Meaning = {
  code: 'credential_powerless',
  message: "This key's user lacks a permission for what was asked.",
  fix: 'Give the user all the permissions that the guide names. The key itself stays the same.',
  link: usersUrl,
};
const lockedAccount: Meaning = {
  code: 'cloud_account_locked',
  message: 'Vultr has suspended this account.',
  fix: 'Sign in at Vultr: it says there what to do. Otherwise ask its support.',
  link: supportUrl,
};
const unverified: Meaning = {
  code: 'account_unverified',
  message: 'Vultr has not verified this account yet.',
  fix: 'Sign in at Vultr and finish what it asks for: the e-mail address, the phone or the way to pay.',
  link: supportUrl,
};
const unpaid: Meaning = {
  code: 'billing_missing',
  message: 'Vultr makes no server before the account can pay.',
  fix: 'Add a way to pay or credit, or settle what is open, under Billing at Vultr.',
  link: billingUrl,
};
const limit: Meaning = {
  code: 'quota_reached',
  message: 'The account has as many servers as Vultr lets it have, or would cost more than its limit.',
  fix: 'Destroy a server you no longer need, or ask Vultr for a higher limit under Billing, Limits.',
  link: limitsUrl,
};
const soldOut: Meaning = {
  code: 'size_sold_out',
  message: 'Vultr has no server of this size left in this region.',
  fix: 'Choose another region or another size.',
};
const unknownPlan: Meaning = {
  code: 'size_unknown',
  message: "Vultr doesn't take this size here.",
  fix: 'Reload the form and choose another size.',
};
const unknownRegion: Meaning = {
  code: 'region_unknown',
  message: "Vultr doesn't know this region.",
  fix: 'Reload the form and choose another region.',
};
const noImage: Meaning = {
  code: 'image_unavailable',
  message: 'Vultr does not offer the operating system at the moment.',
  fix: 'Try again later.',
};
const busy: Meaning = {
  code: 'resource_locked',
  message: 'Vultr is still working on something else on this server.',
  fix: 'Wait a minute and try again.',
};
const gone: Meaning = {
  code: 'server_missing',
  message: 'The server is no longer there.',
  fix: 'Destroy the instance and deploy a new one.',
};
const limited: Meaning = {
  code: 'cloud_rate_limited',
  message: 'Vultr answers no more requests from here for a moment: it takes 30 a second.',
  fix: 'Wait a minute. Other programs that send from the same address count too.',
};
const maintenance: Meaning = {
  code: 'cloud_maintenance',
  message: 'Vultr is working on its own systems at the moment.',
  fix: `Look at ${statusUrl} for how long, and try again afterwards.`,
  link: statusUrl,
};
const down: Meaning = {
  code: 'cloud_unavailable',
  message: "Vultr's API does not work at the moment.",
  fix: `Look at ${statusUrl} and try again in a few minutes.`,
  link: statusUrl,
};
const refused: Meaning = {
  code: 'cloud_refused',
  message: 'Vultr refused the request.',
  fix: 'Choose another size or region. If it stays, tell us the operation id.',
};

/** Vultr has no codes: what was meant stands in the text. The first that fits counts. */
const byText: readonly (readonly [from: number, to: number, text: RegExp, meaning: Meaning])[] = [
  [429, 429, /^/, limited],
  [400, 599, /currently locked|is locked|pending (upgrade|migration)/i, busy],
  [400, 499, /suspend/i, lockedAccount],
  [403, 403, /^/, powerless],
  [401, 401, /^/, unknownKey],
  [400, 499, /(invalid instance|instance not found)/i, gone],
  [400, 499, /maximum (number|monthly)|limit (reached|exceeded)|\blimits?\b/i, limit],
  [400, 499, /verif/i, unverified],
  [400, 499, /payment|billing|credit card|funds|balance|deposit/i, unpaid],
  [400, 499, /not available|unavailable|sold out|out of stock|no capacity/i, soldOut],
  [400, 499, /invalid plan|plan .*invalid/i, unknownPlan],
  [400, 499, /invalid (region|location)/i, unknownRegion],
  [400, 499, /(invalid|unknown) os|os_id/i, noImage],
  [503, 503, /^/, maintenance],
  [500, 599, /^/, down],
  [400, 400, /^/, refused],
  [412, 412, /^/, refused],
  [422, 422, /^/, refused],
];

function asError(meaning: Meaning, cause: unknown): ProductError {
  return new ProductError(meaning.code, meaning.message, meaning.fix, {
    ...(meaning.link === undefined ? {} : { link: meaning.link }),
    cause,
  });
}

/** The error for an address that is not in the key's list; names the address that Vultr saw and all of ours. */
function strangeAddress(text: string, egress: readonly string[]): ProductError {
  const told = /unauthorized ip address:?\s*([0-9a-fA-F.:]{2,45})/i.exec(text)?.[1] ?? '';
  const seen = isIP(told) === 0 ? null : told;
  const ours = [...new Set([...(seen ? [seen] : []), ...egress])];
  return new ProductError(
    'address_not_allowed',
    seen
      ? `This key may not be used from ${seen}, the address that our request came from.`
      : 'This key may not be used from the address that our request came from.',
    ours.length > 0
      ? `Add ${ours.join(' and ')} to the Access Control of the key's user at Vultr (Account, API), then check again.`
      : "Add our address to the Access Control of the key's user at Vultr (Account, API), then check again.",
    { link: apiUrl, cause: { vendorCode: 'unauthorized_ip', status: 401 } },
  );
}

/** What a refusal means, by status and text; null for one that nobody foresaw. Texts of Vultr are not passed on. */
function meaningOf(status: number, text: string, egress: readonly string[]): ProductError | null {
  if (status === 401 && /unauthorized ip/i.test(text)) return strangeAddress(text, egress);
  const found = byText.find(([from, to, pattern]) => status >= from && status <= to && pattern.test(text));
  return found ? asError(found[3], { vendorCode: `http_${status}`, status }) : null;
}

/** The product's error for an answer of Vultr that is neither 2xx nor 404. */
export function answeredError(answer: RefusedAnswer, egress: readonly string[]): ProductError {
  const text = typeof answer.body?.error === 'string' ? answer.body.error.slice(0, 500) : '';
  return meaningOf(answer.status, text, egress) ?? unknownAnswer(cloud, answer);
}

/** The error for an API that could not be reached within the time. */
export function unreachable(host: string, cause: unknown): ProductError {
  return new ProductError(
    'cloud_unavailable',
    `${host} could not be reached.`,
    `Check the network of the control plane and ${statusUrl}, then try again.`,
    { cause: cause instanceof Error ? cause.name : typeof cause },
  );
}

/** The error for a server that is gone. */
export const serverMissing = (): ProductError => asError(gone, { vendorCode: 'http_404', status: 404 });

/** `{"error":"…","status":400}`, in either order, as Vultr's Go client prints an answer. */
const answerInText = /\{[^{}]{2,2000}\}/g;

/**
 * The engine prints Vultr's answers as their JSON (govultr's errors are the bodies), quoted once more where it gave up
 * after several attempts. Null when the text holds none that is known.
 */
export function explainEngineText(text: string, egress: readonly string[]): ProductError | null {
  for (const [json] of text.replaceAll('\\"', '"').matchAll(answerInText)) {
    try {
      const body = JSON.parse(json) as { error?: unknown; status?: unknown };
      if (typeof body.error !== 'string' || typeof body.status !== 'number') continue;
      const found = meaningOf(body.status, body.error.slice(0, 500), egress);
      if (found) return found;
    } catch {
      // Another text in braces.
    }
  }
  if (/unexpected state '\w+'/.test(text))
    return new ProductError(
      'cloud_unexpected',
      'Vultr began to make the server, but did not finish it.',
      'Try again. If it happens again, choose another region or ask the support of Vultr.',
      { link: supportUrl, cause: { vendorCode: 'unexpected_state' } },
    );
  if (/timeout while waiting for state/i.test(text))
    return new ProductError(
      'cloud_unavailable',
      'Vultr did not finish the server within its time.',
      `Look at ${statusUrl} and try again; what was made is then taken over.`,
      { link: statusUrl, cause: { vendorCode: 'timeout' } },
    );
  if (
    /context deadline exceeded|Client\.Timeout|connection refused|no such host|connection reset|EOF\b/.test(
      text,
    )
  )
    return asError(down, { vendorCode: 'transport' });
  return null;
}
