import type { Log } from '../log.ts';
import { answerJson, type StreamHandler } from '../route.ts';

/** A control plane that asks more often than this gets a refusal: it may restart a gateway, not keep it down. */
const leastBetweenMs = 60_000;

/** Serves `POST /gateway/restart`: takes it on (202) and does it, or refuses (429) where the last one was just now. */
export function serveRestart(
  restart: () => Promise<void>,
  log: Log,
  clock: () => number = () => performance.now(),
): StreamHandler {
  let last = Number.NEGATIVE_INFINITY;
  return (stream) => {
    if (clock() - last < leastBetweenMs) return answerJson(stream, 429, { code: 'rate_limited' });
    last = clock();
    restart().catch((error: unknown) =>
      log(`the gateway was not restarted: ${error instanceof Error ? error.message : 'unknown reason'}`),
    );
    answerJson(stream, 202, {});
  };
}
