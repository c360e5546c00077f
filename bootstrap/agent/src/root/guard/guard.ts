import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../log.ts';
import { gatewayUnit } from '../verbs/gateway.ts';
import type { Agents } from './agents.ts';

export interface GuardOptions {
  agents: Agents;
  log: Log;
  /** Runs a program by its argument list; raises when it fails. */
  must(argv: readonly string[]): Promise<unknown>;
  signal: AbortSignal;
  /** Milliseconds that never jump. @default performance.now */
  clock?: () => number;
  /** @default 500 */
  pollMs?: number;
}

/**
 * Waits for the new agent to confirm itself, for as long as the switch allows from now on; then puts the former one
 * back and starts it. Returns at once where no switch is pending.
 */
export async function guardSwitch(options: GuardOptions): Promise<void> {
  const { agents, log, must, signal, clock = () => performance.now(), pollMs = 500 } = options;
  const pending = agents.pending();
  if (!pending) return;
  const { from, to, limitSeconds } = pending;
  const short = (sha256: string): string => sha256.slice(0, 12);
  const startedAt = clock();
  while (agents.current() === to && clock() - startedAt < limitSeconds * 1000) {
    if (!agents.pending()) return log(`agent ${short(to)} has confirmed itself`);
    await sleep(pollMs, undefined, { signal });
  }
  if (!agents.pending()) return;
  const cut = agents.current() !== to;
  const reason = cut
    ? 'The power went before the new agent was in use.'
    : `The new agent did not confirm itself within ${limitSeconds} s.`;
  log(`agent ${short(from)} is put back: ${reason}`);
  agents.settle({ from, to, outcome: 'rolled_back', reason });
  // Where the new agent's file didn't run at all, root's daemon and its socket may have been given up too.
  const units = ['claw-agent.service', 'claw-root.service', 'claw-root.socket', gatewayUnit];
  for (const unit of units) await must(['systemctl', 'reset-failed', unit]).catch(() => undefined);
  await must(['systemctl', 'start', '--no-block', 'claw-root.socket']).catch(() => undefined);
  // At a boot the gateway is prepared by the agent's file too: a hung one holds its start up. A gateway that runs has no
  // such process, and goes on.
  if (!cut) {
    const kill = ['systemctl', 'kill', '--kill-whom=control', '--signal=KILL', gatewayUnit];
    await must(kill).catch(() => undefined);
  }
  await must(['systemctl', 'restart', '--no-block', 'claw-agent.service']);
}
