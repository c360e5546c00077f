import type { InstanceReport } from '@claw-cloud/contracts';
import { pause } from '../backoff.ts';
import type { Log } from '../log.ts';
import type { Paths } from '../paths.ts';
import type { Root } from '../root/client.ts';
import { changeSettings, readSettings } from './settings.ts';

export interface SettleOptions {
  root: Root;
  paths: Pick<Paths, 'state'>;
  report: (report: InstanceReport) => void;
  log: Log;
  signal: AbortSignal;
  holdGatewayCheck: () => () => void;
  /** @default a day */
  everyMs?: number;
}

const dayMs = 24 * 3_600_000;
/** Two starts of the gateway, and more. */
const recoverLimitMs = 15 * 60_000;

/** Tells the control plane how the last change of the version ended, once; survives an agent that ended in between. */
export async function tellLastChange({
  root,
  paths,
  report,
  log,
}: Pick<SettleOptions, 'root' | 'paths' | 'report' | 'log'>): Promise<void> {
  const { last } = await root.ask('openclaw.state', {});
  if (!last || last.id === readSettings(paths, log).told) return;
  // A restored backup is the owner's alone.
  if (last.kind !== 'restore') {
    const { from, to, outcome, failedStep, downSeconds } = last;
    report({ kind: 'openclaw_update', from, to, outcome, failedStep, downSeconds });
  }
  changeSettings(paths, log, { told: last.id });
}

/**
 * At every start of the agent: has root end what a power cut left in the middle of an update, tells the control plane, and has what
 * had its time removed, once a day from then on. Ends with the signal; never raises.
 */
export async function settleUpdates(options: SettleOptions): Promise<void> {
  const { root, log, signal, holdGatewayCheck, everyMs = dayMs } = options;
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!signal.aborted)
        log(`updates: ${what} failed: ${error instanceof Error ? error.message : 'no answer'}`);
    }
  };
  const release = holdGatewayCheck();
  await attempt('recovering', () =>
    root.ask('openclaw.recover', {}, { signal, timeoutMs: recoverLimitMs }),
  ).finally(release);
  await attempt('reporting', () => tellLastChange(options));
  while (!signal.aborted) {
    await pause(everyMs, signal).catch(() => undefined);
    if (!signal.aborted) await attempt('cleaning up', () => root.ask('openclaw.clean-up', {}, { signal }));
  }
}
