import type { bootstrapPhases } from '@claw-cloud/contracts';
import type { Log } from '../log.ts';
import { redactedTail } from '../redact.ts';
import type { ControlPlane } from './control-plane.ts';

type Phase = (typeof bootstrapPhases)[number];

export interface PhaseRunnerOptions {
  instanceId: string;
  controlPlane: ControlPlane;
  log: Log;
  /** What the report of a failure may quote, before redaction. */
  logTail: () => string;
  /** Known secrets: never in a report. */
  secrets: readonly string[];
  now?: () => number;
}

export type PhaseRunner = <T>(phase: Phase, message: string, work: () => Promise<T>) => Promise<T>;

/** Runs phases of the bootstrap one by one, reporting start, end with its time, and failure with its cause. */
export function createPhaseRunner(options: PhaseRunnerOptions): PhaseRunner {
  const { instanceId, controlPlane, log, logTail, secrets, now = Date.now } = options;
  return async (phase, message, work) => {
    const start = now();
    const elapsedMs = () => Math.max(0, Math.round(now() - start));
    log(`phase ${phase}: started`);
    controlPlane.report({ instanceId, phase, status: 'started', message });
    try {
      const result = await work();
      log(`phase ${phase}: finished in ${elapsedMs()} ms`);
      // A registration uses the token up, and the control plane knows of it first.
      if (phase !== 'registering') {
        controlPlane.report({ instanceId, phase, status: 'finished', message, elapsedMs: elapsedMs() });
      }
      return result;
    } catch (error) {
      const cause = redactedTail(error instanceof Error ? error.message : String(error), secrets, 500);
      log(`phase ${phase}: failed after ${elapsedMs()} ms: ${cause}`);
      controlPlane.report({
        instanceId,
        phase,
        status: 'failed',
        message: cause,
        elapsedMs: elapsedMs(),
        logTail: redactedTail(logTail(), secrets),
      });
      await controlPlane.flush();
      throw error;
    }
  };
}
