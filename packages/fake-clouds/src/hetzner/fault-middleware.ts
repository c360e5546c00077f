import type { FaultBoard, FaultTarget } from '../faults/faults.ts';
import { faultMiddleware, type RefusalKind } from '../faults/middleware.ts';
import type { CloudContext } from './context.ts';
import type { HetznerErrorCode } from './errors.ts';
import { errorResponse } from './errors.ts';
import { rateLimitHeaders } from './rate-limit.ts';

const refusals: Partial<Record<RefusalKind, [HetznerErrorCode, string]>> = {
  quota: ['resource_limit_exceeded', 'server_limit exceeded'],
  primary_ip_quota: ['resource_limit_exceeded', 'primary_ip_limit exceeded'],
  unauthorized: ['unauthorized', 'the token you are trying to use is invalid'],
  forbidden: ['forbidden', 'insufficient permissions'],
  conflict: ['conflict', 'the resource has changed during the request, please retry'],
  locked: ['locked', 'the item is locked by another action'],
  maintenance: ['maintenance', 'cannot perform operation due to maintenance'],
  error_before_effect: ['server_error', 'internal server error'],
};

function refusal(kind: RefusalKind, resetAt: Date): Response | undefined {
  if (kind === 'rate_limit') {
    const headers = rateLimitHeaders(3600, 0, resetAt);
    return errorResponse('rate_limit_exceeded', 'limit of 3600 requests per hour reached', null, headers);
  }
  const [code, message] = refusals[kind] ?? [];
  return code && message ? errorResponse(code, message) : undefined;
}

/** The request as the fault board sees it. */
export function faultTarget(c: CloudContext): FaultTarget {
  const path = new URL(c.req.url).pathname.replace(/^\/v1/, '');
  const made = c.req.method === 'POST' ? ({ '/servers': 'server', '/firewalls': 'firewall' } as const) : {};
  const makes = (made as Record<string, 'server' | 'firewall' | undefined>)[path];
  return {
    method: c.req.method,
    path,
    account: c.get('projectName'),
    ...(makes ? { makes } : {}),
  };
}

/** The faults of this cloud, in its own words. */
export function hetznerFaults(faults: FaultBoard, closing: AbortSignal, now: () => Date) {
  const strike = faultMiddleware({
    faults,
    closing,
    now,
    target: faultTarget,
    refusal,
    broken: () => errorResponse('server_error', 'internal server error'),
    struck: (c: CloudContext, fault) => c.set('faultKind', fault.kind),
  });
  return strike;
}
