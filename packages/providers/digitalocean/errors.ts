import { type ErrorCode, ProductError } from '@claw-cloud/contracts';
import { clockTime, type RefusedAnswer, unknownAnswer } from '../http/answer.ts';
import { tokensUrl } from './descriptor.ts';

const cloud = 'DigitalOcean';
export const accountUrl = 'https://cloud.digitalocean.com/account/profile';
export const billingUrl = 'https://cloud.digitalocean.com/account/billing';
export const limitUrl = 'https://cloud.digitalocean.com/account/team/droplet_limit_increase';
const statusUrl = 'https://status.digitalocean.com';

interface Meaning {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fix: string;
  readonly link?: string;
}

const unknownToken: Meaning = {
  code: 'credential_rejected',
  message: 'DigitalOcean does not know this API token.',
  fix: 'Copy the token again, or generate a new one under API, Tokens: it may have expired or been deleted.',
  link: tokensUrl,
};
const powerless: Meaning = {
  code: 'credential_powerless',
  message: 'This token lacks a scope for what was asked.',
  fix: 'Generate a token with all the scopes that the guide names, and add it as a new credential. If it has them, look under Billing at DigitalOcean whether something is open.',
  link: tokensUrl,
};
export const lockedAccount: Meaning = {
  code: 'cloud_account_locked',
  message: 'DigitalOcean has locked this account.',
  fix: 'Sign in at DigitalOcean: it says there what to do. Servers that run may be switched off until then.',
  link: accountUrl,
};
export const unverifiedAccount: Meaning = {
  code: 'account_unverified',
  message: "The account's e-mail address is not confirmed yet.",
  fix: 'Open the e-mail that DigitalOcean sent you and confirm the address, or have it sent again from your profile.',
  link: accountUrl,
};
export const unpaidAccount: Meaning = {
  code: 'billing_missing',
  message: 'DigitalOcean makes nothing new before the account can pay.',
  fix: 'Add a way to pay, or settle what is open, under Billing at DigitalOcean.',
  link: billingUrl,
};
export const dropletLimit: Meaning = {
  code: 'quota_reached',
  message: 'The account has as many droplets as it may have.',
  fix: 'Destroy a droplet you no longer need, or ask DigitalOcean for a higher limit.',
  link: limitUrl,
};
const closedRegion: Meaning = {
  code: 'size_sold_out',
  message: 'DigitalOcean takes no new droplets in this region at the moment.',
  fix: 'Choose another region.',
};
const absentSize: Meaning = {
  code: 'size_sold_out',
  message: 'DigitalOcean does not offer this size in this region at the moment.',
  fix: 'Choose another size or another region.',
};
const unknownSize: Meaning = {
  code: 'size_unknown',
  message: 'DigitalOcean no longer offers this size.',
  fix: 'Reload the form and choose another size.',
};
const unfitSize: Meaning = {
  code: 'resize_impossible',
  message: "This droplet can't be given that size where it stands.",
  fix: 'Choose a size whose disk is at least as large, or deploy a new server.',
};
const absentImage: Meaning = {
  code: 'image_unavailable',
  message: 'The operating system is not there in this region at the moment.',
  fix: 'Choose another region, or try again later.',
};
const busyDroplet: Meaning = {
  code: 'resource_locked',
  message: 'DigitalOcean is still working on something else on this droplet.',
  fix: 'Wait a minute and try again.',
};
const down: Meaning = {
  code: 'cloud_unavailable',
  message: "DigitalOcean's API does not work at the moment.",
  fix: `Look at ${statusUrl} and try again in a few minutes.`,
  link: statusUrl,
};
const maintenance: Meaning = {
  code: 'cloud_maintenance',
  message: 'DigitalOcean is working on its own systems at the moment.',
  fix: `Look at ${statusUrl} for how long, and try again afterwards.`,
  link: statusUrl,
};
const asItIs: Meaning = {
  code: 'conflict',
  message: 'The droplet already is as it was to be.',
  fix: 'Nothing needs to be done.',
};
const namedTwice: Meaning = {
  code: 'cloud_refused',
  message: 'The account already has something of this name.',
  fix: 'Try again: what an interrupted attempt left behind is then taken over.',
};
const strangeAddress: Meaning = {
  code: 'address_not_allowed',
  message: "DigitalOcean's gateway takes no requests from the address of this platform.",
  fix: "Tell us: it is for whoever runs this platform to ask DigitalOcean's support why its address is refused.",
};
/** A refusal whose words nobody has met yet. */
const refused = (reference: string | null): Meaning => ({
  code: 'cloud_refused',
  message: 'DigitalOcean refused the request.',
  fix: `Choose another size or region, and look under Billing at DigitalOcean whether something is open. If it stays, tell us${reference ? `, with the reference ${reference}` : ''}.`,
  link: billingUrl,
});

/** DigitalOcean's ids only repeat the HTTP status; what was meant stands in the text. The first that fits counts. */
const byText: readonly (readonly [status: number | null, text: RegExp, meaning: Meaning])[] = [
  [null, /account (is|has been) locked|locked your account/i, lockedAccount],
  [null, /verify your (e-?mail|account|identity)|e-?mail .*(not |un)verified/i, unverifiedAccount],
  [null, /payment|billing|past due|credit card/i, unpaidAccount],
  [409, /duplicate name/i, namedTwice],
  [null, /droplet limit/i, dropletLimit],
  [null, /maintenance/i, maintenance],
  [422, /already powered (on|off)/i, asItIs],
  [422, /pending event|already has .*in progress|is locked/i, busyDroplet],
  [422, /smaller disk|too large to fit|can not (decrease|be smaller)/i, unfitSize],
  [422, /size .*(not |un)available|size .*restricted/i, absentSize],
  [422, /region .*(not |un)available/i, closedRegion],
  [422, /invalid size|size .*(invalid|not found)|specified an invalid size/i, unknownSize],
  [422, /image .*(not |un)available|invalid image|image .*not found/i, absentImage],
];

const byStatus: Readonly<Record<number, Meaning>> = {
  401: unknownToken,
  402: unpaidAccount,
  403: powerless,
  409: busyDroplet,
  423: busyDroplet,
};

/** An error of the product's list; the vendor's own word for it goes along for the log. */
export function asError(meaning: Meaning, cause?: unknown): ProductError {
  return new ProductError(meaning.code, meaning.message, meaning.fix, {
    ...(meaning.link === undefined ? {} : { link: meaning.link }),
    ...(cause === undefined ? {} : { cause }),
  });
}

function rateLimited(again: Date | null): Meaning {
  const at = clockTime(again);
  return {
    code: 'cloud_rate_limited',
    message: `DigitalOcean answers no more requests of this token${at ? ` before ${at}` : ' for a while'}.`,
    fix: `${at ? `Wait until ${at}.` : 'Wait some minutes.'} Other programs with the same token count too.`,
  };
}

/** The product's error for an answer that is neither 2xx nor 404. DigitalOcean's texts are not passed on. */
export function answeredError(answer: RefusedAnswer): ProductError {
  const { status, body, again, reference } = answer;
  const vendorCode = typeof body?.id === 'string' && /^\w{1,60}$/.test(body.id) ? body.id : `http_${status}`;
  const text = typeof body?.message === 'string' ? body.message.slice(0, 500) : '';
  const said = byText.find(
    ([wanted, pattern]) => (wanted === null || wanted === status) && pattern.test(text),
  );
  const cause = { vendorCode, status, reference };
  if (status === 429) return asError(rateLimited(again), cause);
  if (said) return asError(said[2], cause);
  // The API says no in JSON; a page comes from the gateway before it, which knows addresses and no tokens.
  if (status === 403 && body === undefined) return asError(strangeAddress, cause);
  if (status >= 500) return asError(down, cause);
  const meaning = status === 422 ? refused(reference) : byStatus[status];
  return meaning ? asError(meaning, cause) : unknownAnswer(cloud, answer, vendorCode);
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

/** The error for something that DigitalOcean began and gave up. */
export function failedAction(id?: number): ProductError {
  return new ProductError(
    'cloud_unexpected',
    'DigitalOcean began, but could not finish what was asked.',
    'Try again. If it happens again, ask the support of DigitalOcean.',
    { cause: { vendorCode: 'action_errored', reference: id === undefined ? null : `action ${id}` } },
  );
}

/** The error for a droplet that is gone. */
export const dropletMissing = (): ProductError =>
  new ProductError(
    'server_missing',
    'The server is no longer there.',
    'Destroy the instance and deploy a new one.',
  );

const engineLine =
  /\b(?:GET|POST|PUT|DELETE) https?:\/\/\S+: (\d{3}) (?:\(request "([\w.:-]{1,100})"\) )?([^\n]{0,500})/g;

/**
 * The engine prints an answer of the API as `POST <address>: 422 (request "<id>") <message>` (godo's
 * ErrorResponse.Error): enough to say the same as without the engine. Null when the text holds none.
 */
export function explainEngineText(text: string): ProductError | null {
  for (const [, status = '', reference, message = ''] of text.matchAll(engineLine)) {
    if (status === '404') continue;
    return answeredError({
      status: Number(status),
      body: { message },
      headers: new Headers(),
      again: null,
      reference: reference ?? null,
    });
  }
  if (/waiting for droplet \(\d+\) to become[^\n]{0,200}(: 404 |unexpected state)/i.test(text))
    return failedAction();
  if (/unable to authenticate/i.test(text)) return asError(unknownToken, { vendorCode: 'unauthorized' });
  if (/timeout while waiting for state/i.test(text)) {
    return new ProductError(
      'cloud_unavailable',
      'DigitalOcean did not finish the droplet within its time.',
      `Look at ${statusUrl} and try again; what was made is then taken over.`,
      { link: statusUrl, cause: { vendorCode: 'timeout' } },
    );
  }
  if (/context deadline exceeded|connection refused|no such host|connection reset|EOF\b/.test(text))
    return asError(down, { vendorCode: 'transport' });
  return null;
}
