import type { InstanceHealth, InstanceReport } from '@claw-cloud/contracts';
import { z } from 'zod';
import { createBackoff, pause } from '../backoff.ts';
import type { Log } from '../log.ts';
import type { Gateway } from '../openclaw/gateway.ts';
import { connectGateway, type GatewayConnection } from '../openclaw/gateway-client.ts';
import type { RestartReason, Supervisor } from '../openclaw/supervisor.ts';

export interface GatewayCheckOptions {
  gateway: Gateway;
  supervisor: Supervisor;
  report: (report: InstanceReport) => void;
  /** Tells owners with an open channel. */
  notice: (reason: RestartReason) => void;
  log: Log;
  signal: AbortSignal;
  /** Above this, in MB, the gateway is restarted at a quiet moment. */
  memoryLimitMb: number;
  /** @default 20000 */
  everyMs?: number;
  /** Within which a round trip ends. @default 10000 */
  limitMs?: number;
  /** Within which a gateway that starts is ready; more than a small machine ever takes. @default ten minutes */
  startLimitMs?: number;
  /** Between restarts of the agent's own: doubling from this to half an hour. @default one minute */
  restartBaseMs?: number;
  random?: () => number;
  /** Milliseconds that never jump. @default performance.now */
  clock?: () => number;
}

export interface GatewayCheck {
  status(): NonNullable<InstanceHealth['gatewayCheck']>;
  /** Whether it has missed as many checks as restart it. */
  isLost(): boolean;
  /** Restarts the gateway, counts it, and tells control plane and owners why. Raises where it can't be restarted. */
  restart(reason: RestartReason): Promise<void>;
  /** While somebody else stops and starts the gateway: no restarts and no reports until the returned function is called. */
  hold(): () => void;
  /** Checks until the signal aborts; never raises. */
  run(): Promise<void>;
}

const missesUntilRestart = 3;
const longestRestartWaitMs = 30 * 60_000;
/** After an hour without a restart the next one may come at once again. */
const calmAfterMs = 60 * 60_000;
/** Longer than any turn should take: growing memory doesn't wait for ever for a quiet moment. */
const quietWaitMs = 10 * 60_000;
/** Above this share of what is over the limit, nothing is waited for: the machine comes first. */
const urgentShare = 1.25;

const Preflight = z.object({ safe: z.boolean() });

/**
 * Where the gateway has to be restarted for its memory, in MB: seven tenths of the machine, or all but 700 MB for the
 * system and the agent, whichever is less; never below what a few turns need.
 */
export function memoryLimitMb(totalMb: number): number {
  return Math.round(Math.max(1200, Math.min(totalMb * 0.7, totalMb - 700)));
}

/**
 * Watches the gateway as an owner would find it: signs in and asks, every so often. Three misses in a row restart it,
 * as does memory above the limit; both no more often than a growing wait allows.
 */
export function createGatewayCheck(options: GatewayCheckOptions): GatewayCheck {
  const { gateway, supervisor, report, notice, log, signal } = options;
  const { everyMs = 20_000, limitMs = 10_000, startLimitMs = 10 * 60_000, restartBaseMs = 60_000 } = options;
  const { random = Math.random, clock = () => performance.now() } = options;
  const backoff = createBackoff({ baseMs: restartBaseMs, capMs: longestRestartWaitMs, random });
  let misses = 0;
  let restarts = 0;
  let lastReason: RestartReason | null = null;
  let lastOk: number | null = null;
  let memoryMb: number | null = null;
  let notReadySince: number | null = clock();
  let overLimitSince: number | null = null;
  let restartedAt = Number.NEGATIVE_INFINITY;
  let mayRestartAt = Number.NEGATIVE_INFINITY;
  let wasReady = supervisor.state() === 'ready';
  let held = 0;

  const connect = (): Promise<GatewayConnection> =>
    connectGateway({
      port: gateway.port,
      token: gateway.token,
      device: gateway.device,
      scopes: ['operator.read'],
      caps: [],
      signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
    });

  /** Raises where the gateway doesn't answer in time. */
  const ask = async (method: string): Promise<unknown> => {
    const connection = await connect();
    try {
      return await connection.request(method, {}, limitMs);
    } finally {
      connection.close();
    }
  };

  const count = (reason: RestartReason): void => {
    restarts += 1;
    lastReason = reason;
    log(`OpenClaw's gateway restarts: ${reason}`);
    report({ kind: 'gateway_restarted', reason, missesInARow: misses });
    notice(reason);
    misses = 0;
    overLimitSince = null;
    notReadySince = clock();
    wasReady = false;
  };

  const restart = async (reason: RestartReason): Promise<void> => {
    held += 1;
    try {
      await supervisor.restart();
      count(reason);
    } finally {
      held -= 1;
    }
  };

  /** The agent's own restarts: no more often than the backoff allows. */
  const restartIfDue = async (reason: RestartReason): Promise<void> => {
    const now = clock();
    if (now < mayRestartAt) return;
    if (now - restartedAt > calmAfterMs) backoff.reset();
    restartedAt = now;
    mayRestartAt = now + backoff.next();
    await restart(reason);
  };

  const isQuiet = async (): Promise<boolean> => {
    try {
      const preflight = Preflight.safeParse(await ask('gateway.restart.preflight'));
      return preflight.success && preflight.data.safe;
    } catch {
      return false;
    }
  };

  const checkMemory = async (): Promise<void> => {
    memoryMb = await supervisor.memoryMb().catch(() => null);
    if (memoryMb === null || memoryMb <= options.memoryLimitMb) {
      overLimitSince = null;
      return;
    }
    overLimitSince ??= clock();
    const urgent = memoryMb > options.memoryLimitMb * urgentShare;
    const waited = clock() - overLimitSince > quietWaitMs;
    if (urgent || waited || (await isQuiet())) {
      log(`OpenClaw takes ${memoryMb} MB, more than ${options.memoryLimitMb}`);
      await restartIfDue('memory');
    }
  };

  const check = async (): Promise<void> => {
    if (supervisor.state() !== 'ready') {
      notReadySince ??= clock();
      if (clock() - notReadySince > startLimitMs) {
        notReadySince = clock();
        await restartIfDue('unhealthy');
      }
      return;
    }
    notReadySince = null;
    try {
      await ask('health');
      misses = 0;
      lastOk = clock();
    } catch (error) {
      // Ended or restarted in between: that is no miss.
      if (held > 0 || supervisor.state() !== 'ready' || signal.aborted) return;
      misses += 1;
      log(
        `OpenClaw's gateway missed ${misses} checks: ${error instanceof Error ? error.message : 'no answer'}`,
      );
      if (misses >= missesUntilRestart) return await restartIfDue('unhealthy');
    }
    await checkMemory();
  };

  supervisor.events.on('state', (state) => {
    if (state === 'ready') wasReady = true;
  });
  supervisor.events.on('exit', () => {
    // While it starts for the first time, the phases of the bootstrap tell; while held, who holds it.
    if (held > 0 || !wasReady || signal.aborted) return;
    count('crashed');
  });

  return {
    restart,
    isLost: () => misses >= missesUntilRestart,
    status: () => ({
      lastOkSecondsAgo: lastOk === null ? null : Math.round((clock() - lastOk) / 1000),
      missesInARow: misses,
      restarts,
      lastRestartReason: lastReason,
      memoryMb,
    }),
    hold() {
      held += 1;
      let done = false;
      return () => {
        if (done) return;
        done = true;
        held -= 1;
        misses = 0;
        notReadySince = clock();
      };
    },
    async run() {
      let spentMs = 0;
      while (!signal.aborted) {
        await pause(Math.max(everyMs / 10, everyMs - spentMs), signal).catch(() => undefined);
        spentMs = 0;
        if (signal.aborted || held > 0) continue;
        const startedAt = performance.now();
        await check().catch((error: unknown) =>
          log(`the gateway's check failed: ${error instanceof Error ? error.message : 'unknown reason'}`),
        );
        spentMs = performance.now() - startedAt;
      }
    },
  };
}
