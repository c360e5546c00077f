import type { InstanceHealth } from '@claw-cloud/contracts';
import type { Tone } from '../design/status.tsx';
import { restartReasons } from '../instance/machine-events.ts';

/** How an assistant is, in words: by what the server said last, and whether it can be reached. Pure. */
export function gatewayNow(
  health: InstanceHealth | undefined,
  reachable: boolean,
): { word: string; tone: Tone; live: boolean } {
  if (!reachable) return { word: 'Not connected', tone: 'caution', live: false };
  if (!health) return { word: 'Asking…', tone: 'neutral', live: true };
  const missed = health.gatewayCheck?.missesInARow ?? 0;
  if (health.gateway === 'starting') return { word: 'The assistant is starting', tone: 'accent', live: true };
  if (health.gateway === 'down')
    return { word: 'The assistant is not running', tone: 'critical', live: false };
  if (missed > 0) return { word: 'The assistant is slow to answer', tone: 'caution', live: false };
  return { word: 'Running well', tone: 'positive', live: false };
}

/** How often an assistant was restarted since the agent started, and why the last time. */
export function lastRestart(check: NonNullable<InstanceHealth['gatewayCheck']>): string {
  if (check.restarts === 0) return 'none since the agent started';
  const times = check.restarts === 1 ? 'once' : `${check.restarts} times`;
  const why = check.lastRestartReason ? restartReasons[check.lastRestartReason] : undefined;
  return why ? `${times}; the last because ${why}` : times;
}
