import type { RegisterInstance, ReportPhase } from '@claw-cloud/contracts';
import { z } from 'zod';
import { createBackoff, pause } from '../backoff.ts';
import type { Log } from '../log.ts';

export interface ControlPlaneOptions {
  url: string;
  /** One-time: valid until a registration consumes it. */
  token: string;
  log: Log;
  signal: AbortSignal;
  fetch?: typeof globalThis.fetch;
  /** First wait between attempts, doubling up to a minute. @default 1000 */
  retryBaseMs?: number;
}

/** How the control plane refuses: it will not change its mind by being asked again. */
export class RegistrationRefused extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'RegistrationRefused';
    this.code = code;
  }
}

const Problem = z.object({
  code: z.string().max(80),
  detail: z.string().max(2000).catch(''),
  fix: z.string().max(2000).catch(''),
});

const registerAttempts = 40;
const reportAttempts = 3;

/** The two questions a machine may ask with its one-time token. */
export function createControlPlane(options: ControlPlaneOptions) {
  const { url, token, log, signal, fetch = globalThis.fetch, retryBaseMs = 1000 } = options;
  let reports: Promise<void> = Promise.resolve();

  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(15_000)]),
    });

  const sendReport = async (report: ReportPhase): Promise<void> => {
    const backoff = createBackoff({ baseMs: retryBaseMs, capMs: 10_000 });
    for (let attempt = 1; ; attempt += 1) {
      let why: string;
      try {
        const answer = await post('/v1/bootstrap/phases', report);
        await answer.body?.cancel();
        if (answer.ok) return;
        why = `HTTP ${answer.status}`;
        if (answer.status < 500 && answer.status !== 429) attempt = reportAttempts;
      } catch (error) {
        why = reason(error);
      }
      if (signal.aborted) return;
      if (attempt >= reportAttempts)
        return log(`the report "${report.phase} ${report.status}" was not taken: ${why}`);
      await pause(backoff.next(), signal).catch(() => undefined);
    }
  };

  return {
    /** Sends a report after those before it; never raises, and nothing waits for it but `flush`. */
    report(report: ReportPhase): void {
      reports = reports.then(() => sendReport(report));
    },
    flush: (): Promise<void> => reports,

    /**
     * Registers the instance's public keys. Retries while the control plane can't be reached or is
     * overloaded; raises RegistrationRefused when it says no, and an Error after the last attempt.
     * `onAttempt` runs before each: what follows may count even if its answer is lost.
     */
    async register(keys: RegisterInstance, onAttempt: () => void): Promise<void> {
      const backoff = createBackoff({ baseMs: retryBaseMs, capMs: 60_000 });
      for (let attempt = 1; ; attempt += 1) {
        onAttempt();
        let why: string;
        try {
          const answer = await post('/v1/bootstrap/register', keys);
          if (answer.ok) return void (await answer.body?.cancel());
          const problem = Problem.safeParse(await answer.json().catch(() => null));
          const code = problem.success ? problem.data.code : `HTTP ${answer.status}`;
          why = problem.success ? `${code}: ${problem.data.detail} ${problem.data.fix}`.trim() : code;
          if (answer.status < 500 && answer.status !== 429) throw new RegistrationRefused(code, why);
        } catch (error) {
          if (error instanceof RegistrationRefused || signal.aborted) throw error;
          why = reason(error);
        }
        if (attempt >= registerAttempts) throw new Error(`not registered after ${attempt} attempts: ${why}`);
        log(`registering, attempt ${attempt} of ${registerAttempts}: ${why}`);
        await pause(backoff.next(), signal);
      }
    },
  };
}

export type ControlPlane = ReturnType<typeof createControlPlane>;

function reason(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  // fetch hides why it failed one level down.
  return error.cause instanceof Error ? error.cause.message : error.message;
}
