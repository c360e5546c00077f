import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { InstanceHealth } from '@claw-cloud/contracts';

const healthLimitBytes = 8 * 1024;
const firstWaitMs = 250;
const longestWaitMs = 5_000;

/** Asks the agent at the other end how it is. Rejects after `timeoutMs`, or when the answer is not of the contract. */
export async function askHealth(session: ClientHttp2Session, timeoutMs = 5_000): Promise<InstanceHealth> {
  const signal = AbortSignal.timeout(timeoutMs);
  const stream = session.request({ ':method': 'GET', ':path': '/health' }, { endStream: true, signal });
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of stream as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > healthLimitBytes) {
      stream.close();
      throw new Error('The health answer is too long.');
    }
    parts.push(part);
  }
  return InstanceHealth.parse(JSON.parse(Buffer.concat(parts).toString('utf8')));
}

/**
 * Asks until the gateway is ready, for at most `limitMs`; null when the tunnel ends or the time is over before.
 * OpenClaw takes 10 to 16 s to start, on a small server longer.
 */
export async function awaitReady(
  session: ClientHttp2Session,
  signal: AbortSignal,
  limitMs = 30 * 60_000,
): Promise<InstanceHealth | null> {
  const end = performance.now() + limitMs;
  let waitMs = firstWaitMs;
  while (!signal.aborted && !session.closed && performance.now() < end) {
    const health = await askHealth(session).catch(() => null);
    if (health?.gateway === 'ready') return health;
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    waitMs = Math.min(waitMs * 1.5, longestWaitMs);
  }
  return null;
}
