import { setTimeout as delay } from 'node:timers/promises';
import type { HttpBindings } from '@hono/node-server';
import type { Context, Env, MiddlewareHandler } from 'hono';
import type { Fault, FaultBoard, FaultKind, FaultTarget } from './faults.ts';

const maxHangMs = 600_000;
const defaultSlowMs = 2_000;
const defaultResetMs = 2_000;

/** Those that answer instead of the route. */
const refusalKinds = [
  'quota',
  'primary_ip_quota',
  'rate_limit',
  'unauthorized',
  'forbidden',
  'account_locked',
  'billing_missing',
  'address_not_allowed',
  'conflict',
  'locked',
  'maintenance',
  'error_before_effect',
] as const satisfies readonly FaultKind[];

export type RefusalKind = (typeof refusalKinds)[number];

export interface FaultMiddlewareOptions<E extends Env> {
  readonly faults: FaultBoard;
  /** Ends waits when the cloud closes. */
  readonly closing: AbortSignal;
  readonly now: () => Date;
  /** The request as the board sees it; called after the credential is known. */
  target(c: Context<E>): FaultTarget;
  /** The vendor's answer for a fault, or undefined where this cloud knows no such thing: then nothing happens. */
  refusal(kind: RefusalKind, resetAt: Date): Response | undefined;
  /** The vendor's answer where something broke after the effect. */
  broken(): Response;
  /** For the request log. */
  struck?(c: Context<E>, fault: Fault): void;
}

/** Cuts the connection without an answer; in-process callers without a socket get an exception. */
function disconnect(c: Context): never {
  (c.env as Partial<HttpBindings> | undefined)?.incoming?.socket?.destroy();
  throw new Error('The pretend cloud cut this connection on purpose.');
}

/** Lets the switched-on faults strike: before the route, after it, or instead of an answer. */
export function faultMiddleware<E extends Env>(options: FaultMiddlewareOptions<E>): MiddlewareHandler<E> {
  const { faults, closing, now } = options;
  return async (c, next) => {
    const target = options.target(c);
    const take = (kinds: readonly FaultKind[]) => {
      const fault = faults.take(kinds, target);
      if (fault) options.struck?.(c, fault);
      return fault;
    };
    const wait = async (ms: number) => {
      const signal = AbortSignal.any([c.req.raw.signal, closing]);
      await delay(Math.min(ms, maxHangMs), undefined, { signal, ref: false }).catch(() => undefined);
    };

    const slow = take(['slow_api']);
    if (slow) await wait(slow.delayMs ?? defaultSlowMs);
    const hang = take(['hang']);
    if (hang) {
      await wait(hang.delayMs ?? maxHangMs);
      disconnect(c);
    }
    if (take(['disconnect_before_effect'])) disconnect(c);
    const before = take(refusalKinds);
    if (before) {
      const resetAt = new Date(now().getTime() + (before.delayMs ?? defaultResetMs));
      const refused = options.refusal(before.kind as RefusalKind, resetAt);
      if (refused) return refused;
    }

    await next();

    if (!c.res.ok) return;
    const after = take(['error_after_effect', 'disconnect_after_effect']);
    if (after?.kind === 'disconnect_after_effect') disconnect(c);
    if (after) c.res = options.broken();
    return;
  };
}
