import type { InstanceReport } from '@claw-cloud/contracts';
import { createBackoff, pause } from '../backoff.ts';
import type { Log } from '../log.ts';
import type { Root } from '../root/client.ts';
import type { SwitchOutcome } from '../root/guard/agents.ts';

export interface TrialOptions {
  root: Root;
  agentSha256: string;
  report: (report: InstanceReport) => void;
  log: Log;
  signal: AbortSignal;
  /** @default 1000 */
  retryBaseMs?: number;
}

export interface Trial {
  /** The control plane has taken the tunnel, and has been answered through it: this agent works. */
  proven(): void;
  /** Asks root whether this agent is on trial, and tells of how the last switch ended. Never raises. */
  run(): Promise<void>;
}

/**
 * A new agent's time on trial. It confirms itself only once the control plane has been answered through its tunnel:
 * whoever can be reached there can be mended there. It never does so with the control plane away, however well the
 * machine itself looks. An update begins through that very tunnel, so its loss is more likely the new agent's fault than
 * a coincidence, and going back to an agent that is known to work costs no more than asking for the update again.
 */
export function createTrial(options: TrialOptions): Trial {
  const { root, agentSha256, report, log, signal, retryBaseMs = 1000 } = options;
  const { promise: proof, resolve: proven } = Promise.withResolvers<void>();

  const tell = async (outcome: SwitchOutcome | null): Promise<void> => {
    if (!outcome) return;
    report({ kind: 'agent_update', ...outcome });
    await root.ask('agent.forget', {}, { signal });
  };

  const attempt = async (): Promise<void> => {
    const before = await root.ask('agent.status', {}, { signal });
    if (before.pending !== agentSha256) return await tell(before.outcome);
    log('this agent is on trial');
    await proof;
    const { confirmed } = await root.ask('agent.confirm', { sha256: agentSha256 }, { signal });
    log(confirmed ? 'this agent has been confirmed' : 'this agent’s trial was over before it was confirmed');
    await tell((await root.ask('agent.status', {}, { signal })).outcome);
  };

  return {
    proven,
    async run() {
      const backoff = createBackoff({ baseMs: retryBaseMs, capMs: 60_000 });
      while (!signal.aborted) {
        try {
          return await attempt();
        } catch (error) {
          if (signal.aborted) return;
          log(`the agent's trial: ${error instanceof Error ? error.message : 'unknown reason'}`);
        }
        await pause(backoff.next(), signal).catch(() => undefined);
      }
    },
  };
}
