import type { EventEmitter } from 'node:events';
import type { GatewayState } from './supervisor.ts';

export type GatewayEvents = EventEmitter<{ state: [GatewayState]; exit: [string] }>;

/** Whether the gateway on loopback calls itself ready; false where it doesn't answer within 3 s. */
export async function answersReady(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(3000) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

/** Resolves once the gateway is ready. Raises when it ends or `limitMs` pass before that. */
export function untilReady(events: GatewayEvents, state: GatewayState, limitMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (state === 'ready') resolve();
  const onState = (next: GatewayState) => next === 'ready' && resolve();
  const onExit = (why: string) => reject(new Error(`OpenClaw ended while it started (${why})`));
  const limit = setTimeout(
    () => reject(new Error(`OpenClaw was not ready within ${Math.round(limitMs / 1000)} s`)),
    limitMs,
  );
  events.on('state', onState);
  events.on('exit', onExit);
  return promise.finally(() => {
    clearTimeout(limit);
    events.off('state', onState);
    events.off('exit', onExit);
  });
}
