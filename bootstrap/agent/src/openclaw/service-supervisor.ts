import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.ts';
import type { Root } from '../root/client.ts';
import type { GatewayState, Supervisor } from './supervisor.ts';
import type { Unit } from './unit.ts';
import { answersReady, type GatewayEvents, untilReady } from './wait-ready.ts';

export interface ServiceSupervisorOptions {
  root: Root;
  unit: Unit;
  port: number;
  log: Log;
  /** How often it looks while the gateway starts, in ms. @default 250 */
  startPollMs?: number;
  /** How often once it is ready. @default 5000 */
  readyPollMs?: number;
  /** How often systemd is asked for the reason while the gateway doesn't get ready. @default 3000 */
  askEveryMs?: number;
}

/** Ends of the gateway while it starts: systemd tries again by itself, so one is no failure yet. */
const endsUntilFailure = 3;
/** One that is restarted because it hangs has no last words worth a longer wait. */
const restartGraceSeconds = 15;

/**
 * OpenClaw's gateway as `openclaw-gateway.service`: systemd keeps it running, with or without the agent; this one
 * watches, and asks root to start and restart it.
 */
export function createServiceSupervisor(options: ServiceSupervisorOptions): Supervisor {
  const { root, unit, port, log, startPollMs = 250, readyPollMs = 5000, askEveryMs = 3000 } = options;
  const events: GatewayEvents = new EventEmitter();
  events.setMaxListeners(200);
  let state: GatewayState = 'down';
  let watching: AbortController | null = null;
  let journal = '';
  /** Of the gateway that was ready: none of them left means that it has ended, if another runs by now or not. */
  let readyPids: string[] = [];

  const setState = (next: GatewayState): void => {
    if (state === next) return;
    state = next;
    events.emit('state', next);
  };

  /** Asks systemd why the gateway isn't ready; says so once it has ended for good, or time and again. */
  const look = async (restartsBefore: number | null): Promise<number | null> => {
    const status = await root.ask('gateway.status', {}, { timeoutMs: 15_000 });
    const before = restartsBefore ?? status.restarts;
    if (status.active !== 'failed' && status.restarts - before < endsUntilFailure) return before;
    journal = (await root.ask('gateway.log', { lines: 100 }, { timeoutMs: 15_000 })).text;
    events.emit('exit', `code ${status.exitCode ?? 'unknown'}`);
    return status.restarts;
  };

  const watch = async (signal: AbortSignal): Promise<void> => {
    let restarts: number | null = null;
    let askedAt = performance.now();
    while (!signal.aborted) {
      const ready = await answersReady(port);
      if (signal.aborted) return;
      const pids = unit.pids();
      if (ready) {
        restarts = null;
        // Back again between two looks: it has ended all the same.
        if (state === 'ready' && pids !== null && !pids.some((pid) => readyPids.includes(pid))) {
          setState('starting');
          events.emit('exit', 'by itself');
        }
        readyPids = pids ?? [];
        setState('ready');
      } else if (pids !== null) {
        const ended = state === 'ready' && !pids.some((pid) => readyPids.includes(pid));
        if (ended || state !== 'ready') setState(pids.length === 0 ? 'down' : 'starting');
        if (ended) events.emit('exit', 'by itself');
        // Else a configured chat channel that is down answers 503: the gateway itself still serves.
      }
      if (state !== 'ready' && performance.now() - askedAt > askEveryMs) {
        askedAt = performance.now();
        restarts = await look(restarts).catch((error: unknown) => {
          log(`the gateway's state is unknown: ${error instanceof Error ? error.message : 'no answer'}`);
          return restarts;
        });
      }
      await sleep(state === 'ready' ? readyPollMs : startPollMs, undefined, { ref: false });
    }
  };

  return {
    events,
    state: () => state,
    start() {
      watching?.abort();
      watching = new AbortController();
      const { signal } = watching;
      setState('starting');
      root
        .ask('gateway.start', {}, { signal })
        .catch((error: unknown) => {
          if (!signal.aborted)
            log(
              `OpenClaw's gateway was not started: ${error instanceof Error ? error.message : 'no answer'}`,
            );
        })
        .then(() => watch(signal))
        .catch(() => undefined);
    },
    async restart() {
      setState('starting');
      await root.ask('gateway.restart', { graceSeconds: restartGraceSeconds }, { timeoutMs: 340_000 });
      // A look in between may have found the one that was about to end.
      setState('starting');
    },
    async memoryMb() {
      const seen = unit.memoryMb();
      if (seen !== null) return seen;
      return (await root.ask('gateway.status', {}, { timeoutMs: 15_000 })).memoryMb;
    },
    startLog: () => journal,
    whenReady: (limitMs) => untilReady(events, state, limitMs),
    async stop() {
      watching?.abort();
      watching = null;
    },
  };
}
