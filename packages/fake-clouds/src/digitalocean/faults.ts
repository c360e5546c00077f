import type { MiddlewareHandler } from 'hono';
import type { FaultBoard, FaultTarget } from '../faults/faults.ts';
import { faultMiddleware, type RefusalKind } from '../faults/middleware.ts';
import type { CloudContext, CloudEnv } from './context.ts';
import { errorResponse, overLimit } from './errors.ts';
import { tooMany } from './rate-limit.ts';

type Refusal = readonly [status: 401 | 402 | 403 | 409 | 422 | 500 | 503, message: string];

const refusals: Readonly<Partial<Record<RefusalKind, Refusal>>> = {
  quota: [422, overLimit],
  unauthorized: [401, 'Unable to authenticate you'],
  forbidden: [403, 'You are not authorized to perform this operation'],
  account_locked: [403, 'Your account has been locked. Please contact support.'],
  billing_missing: [402, 'Please add a valid payment method to your account.'],
  conflict: [409, 'the resource is being changed by another request'],
  locked: [422, 'Droplet already has a pending event.'],
  maintenance: [503, 'The API is unavailable for scheduled maintenance.'],
  error_before_effect: [500, 'Unexpected server-side error'],
};

/** The request as the fault board sees it. */
export function faultTarget(c: CloudContext): FaultTarget {
  const path = new URL(c.req.url).pathname.replace(/^\/v2/, '');
  const makes = c.get('makes');
  return { method: c.req.method, path, account: c.get('account').name, ...(makes ? { makes } : {}) };
}

const makers = { '/v2/droplets': 'server', '/v2/firewalls': 'firewall' } as const;

/** Notes what a request would make; one that names nothing makes nothing and is refused anyway. */
export const noteWhatIsMade: MiddlewareHandler<CloudEnv> = async (c, next) => {
  const makes = (makers as Record<string, FaultTarget['makes']>)[new URL(c.req.url).pathname];
  if (makes && c.req.method === 'POST') {
    const text = await c.req.raw.clone().text();
    if (/"name"\s*:\s*"[^"]/.test(text)) c.set('makes', makes);
  }
  await next();
};

/** There is no list of addresses, but the gateway before the API turns some away, with a page for browsers. */
const gatewayPage = () =>
  new Response('<html><body>Please complete this security check</body></html>', {
    status: 403,
    headers: { 'content-type': 'text/html; charset=UTF-8' },
  });

/** The faults of this cloud, in its own words; it has no limit of addresses. */
export function digitaloceanFaults(
  faults: FaultBoard,
  closing: AbortSignal,
  now: () => Date,
  perHour: number,
) {
  return faultMiddleware<CloudEnv>({
    faults,
    closing,
    now,
    target: faultTarget,
    refusal(kind, resetAt) {
      if (kind === 'rate_limit') return tooMany(perHour, resetAt, now());
      if (kind === 'address_not_allowed') return gatewayPage();
      const [status, message] = refusals[kind] ?? [];
      return status && message ? errorResponse(status, message) : undefined;
    },
    broken: () => errorResponse(500, 'Unexpected server-side error'),
  });
}
