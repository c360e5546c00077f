import type { SmokeConfig } from '../env.ts';
import type { Platform } from '../platform.ts';

const timeoutMs = 15_000;

/**
 * Fetches through the public address what a new server fetches first, its agent; raises an error that says what to set
 * when it doesn't lead to this platform.
 */
export async function requireReachable(
  machineUrl: string,
  platform: Pick<Platform, 'url' | 'agentSha256'>,
  config: Pick<SmokeConfig, 'preferredPort'>,
  signal: AbortSignal,
): Promise<void> {
  const response = await fetch(`${machineUrl}/v1/agent/${platform.agentSha256}`, {
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return cause instanceof Error ? cause.message : String(cause);
  });
  if (typeof response !== 'string') {
    await response.body?.cancel();
    if (response.status === 200) return;
  }
  const found = typeof response === 'string' ? response : `answered ${response.status}`;
  const own = new URL(platform.url);
  throw new Error(
    `${machineUrl} does not lead to this computer (${found}). Forward it to ${own.origin}${
      Number(own.port) === config.preferredPort
        ? ''
        : `; port ${config.preferredPort} was taken, CLAW_PORT names another`
    }.`,
  );
}
