import { setTimeout as delay } from 'node:timers/promises';
import type { MiddlewareHandler } from 'hono';
import type { Fault, FaultBoard, FaultKind } from '../faults/faults.ts';
import type { CloudContext, CloudEnv } from './context.ts';
import type { HetznerErrorCode } from './errors.ts';
import { errorResponse } from './errors.ts';
import { rateLimitHeaders } from './rate-limit.ts';

const MAX_HANG_MS = 600_000;
const DEFAULT_SLOW_MS = 2_000;

const REFUSALS: Partial<Record<FaultKind, [HetznerErrorCode, string]>> = {
  quota: ['resource_limit_exceeded', 'server_limit exceeded'],
  primary_ip_quota: ['resource_limit_exceeded', 'primary_ip_limit exceeded'],
  unauthorized: ['unauthorized', 'the token you are trying to use is invalid'],
  forbidden: ['forbidden', 'insufficient permissions'],
  conflict: ['conflict', 'the resource has changed during the request, please retry'],
  locked: ['locked', 'the item is locked by another action'],
  maintenance: ['maintenance', 'cannot perform operation due to maintenance'],
  error_before_effect: ['server_error', 'internal server error'],
};
const REFUSAL_KINDS: FaultKind[] = [
  ...(Object.keys(REFUSALS) as FaultKind[]),
  'rate_limit',
  'disconnect_before_effect',
];

function refusal(fault: Fault, now: Date): Response | undefined {
  if (fault.kind === 'rate_limit') {
    const headers = rateLimitHeaders(3600, 0, new Date(now.getTime() + 2_000));
    return errorResponse('rate_limit_exceeded', 'limit of 3600 requests per hour reached', null, headers);
  }
  const [code, message] = REFUSALS[fault.kind] ?? [];
  return code && message ? errorResponse(code, message) : undefined;
}

/** Cuts the connection without an answer; in-process callers without a socket get an exception. */
function disconnect(c: CloudContext): never {
  c.env?.incoming?.socket?.destroy();
  throw new Error('The sandbox cut this connection on purpose.');
}

/** Lets the switched-on faults strike: before the route, after it, or instead of an answer. */
export function faultMiddleware(
  faults: FaultBoard,
  closing: AbortSignal,
  now: () => Date,
): MiddlewareHandler<CloudEnv> {
  return async (c, next) => {
    const target = {
      method: c.req.method,
      path: new URL(c.req.url).pathname.replace(/^\/v1/, ''),
      project: c.get('projectName'),
    };
    const take = (kinds: FaultKind[]) => {
      const fault = faults.take(kinds, target);
      if (fault) c.set('faultKind', fault.kind);
      return fault;
    };
    const wait = async (ms: number) => {
      const signal = AbortSignal.any([c.req.raw.signal, closing]);
      await delay(Math.min(ms, MAX_HANG_MS), undefined, { signal, ref: false }).catch(() => undefined);
    };

    const slow = take(['slow_api']);
    if (slow) await wait(slow.delayMs ?? DEFAULT_SLOW_MS);
    const hang = take(['hang']);
    if (hang) {
      await wait(hang.delayMs ?? MAX_HANG_MS);
      disconnect(c);
    }
    const before = take(REFUSAL_KINDS);
    if (before) return refusal(before, now()) ?? disconnect(c);
    if (take(['omit_datacenter'])) c.set('omitDatacenter', true);

    await next();

    if (!c.res.ok) return;
    const after = take(['error_after_effect', 'disconnect_after_effect']);
    if (after?.kind === 'disconnect_after_effect') disconnect(c);
    if (after) c.res = errorResponse('server_error', 'internal server error');
  };
}
