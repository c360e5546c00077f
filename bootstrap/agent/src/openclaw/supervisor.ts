import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBackoff } from '../backoff.ts';
import type { Log } from '../log.ts';
import type { Paths } from '../paths.ts';
import { groupMemoryMb } from './processes.ts';
import { answersReady, type GatewayEvents, untilReady } from './wait-ready.ts';

export type GatewayState = 'ready' | 'starting' | 'down';

/** What the agent, or somebody by the agent, restarts the gateway for. */
export type RestartReason = 'unhealthy' | 'memory' | 'owner' | 'control_plane' | 'crashed';

export interface Supervisor {
  state(): GatewayState;
  /** Starts it, and from now on again whenever it ends. */
  start(): void;
  /** Ends it, whatever it does, and starts it again at once; resolves when it starts. Raises where it can't be. */
  restart(): Promise<void>;
  /** Resident memory of the gateway's processes in MB, or null where nobody tells. */
  memoryMb(): Promise<number | null>;
  /** Resolves once the gateway answers as ready. Raises when it ends or `limitMs` pass before that. */
  whenReady(limitMs: number): Promise<void>;
  /** The end of what the gateway printed while it started; nothing that was printed once it was ready. */
  startLog(): string;
  events: GatewayEvents;
  /**
   * Ends it: TERM, then KILL after `graceMs`, its whole process group. Where systemd runs it, it goes on without
   * the agent: only the watching ends.
   */
  stop(graceMs?: number): Promise<void>;
}

export interface SupervisorOptions {
  nodeBin: string;
  /** OpenClaw's package folder. */
  packageDir: string;
  compileCache: string;
  port: number;
  token: string;
  paths: Paths;
  path: string;
  heapMb: number;
  log: Log;
}

/**
 * Runs OpenClaw ("$@") and ends it when the agent is gone: descriptor 3 is a pipe only the agent holds, so
 * its end is the agent's end, however it came. Everything runs in this shell's process group.
 */
const guard = `
"$@" </dev/null 3<&- & child=$!
trap 'kill -TERM $child 2>/dev/null' TERM INT
( cat <&3 >/dev/null; kill -TERM $child 2>/dev/null; n=0
  while kill -0 $child 2>/dev/null && [ $n -lt 40 ]; do sleep 0.25; n=$((n+1)); done
  kill -KILL -$$ ) &
exec 3<&-
wait $child; code=$?
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
exit $code`;

/** OpenClaw's exit code for a configuration it refuses: starting it again would change nothing soon. */
export const configRefused = 78;

/** One that is restarted because it hangs has no last words worth a long wait. */
const restartGraceMs = 10_000;

/** Keeps OpenClaw's gateway running, headless and on loopback. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { nodeBin, packageDir, compileCache, port, token, paths, path, heapMb, log } = options;
  const events: GatewayEvents = new EventEmitter();
  events.setMaxListeners(200);
  const backoff = createBackoff({ baseMs: 1000, capMs: 60_000 });
  let state: GatewayState = 'down';
  let child: ChildProcess | null = null;
  let printed = '';
  let stopping = false;
  let restarting = false;
  let restart: NodeJS.Timeout | undefined;

  const setState = (next: GatewayState): void => {
    if (state === next) return;
    state = next;
    events.emit('state', next);
  };

  /** Polls for as long as this very process lives; often while it starts, seldom afterwards. */
  const watch = async (watched: ChildProcess): Promise<void> => {
    while (child === watched) {
      const ready = await answersReady(port);
      if (child !== watched) return;
      if (ready && state !== 'ready') {
        printed = '';
        setTimeout(() => child === watched && backoff.reset(), 60_000).unref();
      }
      // A configured chat channel that is down answers 503 too: the gateway itself still serves.
      if (ready) setState('ready');
      await sleep(state === 'ready' ? 5000 : 150, undefined, { ref: false });
    }
  };

  const launch = (): void => {
    if (stopping || child) return;
    mkdirSync(compileCache, { recursive: true });
    const started = spawn(
      '/bin/sh',
      [
        '-c',
        guard,
        'claw-gateway',
        nodeBin,
        `--max-old-space-size=${heapMb}`,
        `${packageDir}/openclaw.mjs`,
        'gateway',
        'run',
      ],
      {
        cwd: paths.openclawHome,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
        env: {
          PATH: path,
          HOME: paths.openclawHome,
          LANG: 'C.UTF-8',
          OPENCLAW_STATE_DIR: paths.openclawState,
          OPENCLAW_CONFIG_PATH: paths.openclawConfig,
          OPENCLAW_GATEWAY_TOKEN: token,
          OPENCLAW_NO_RESPAWN: '1',
          OPENCLAW_DISABLE_BONJOUR: '1',
          OPENCLAW_SUPERVISOR_MODE: 'external',
          OPENCLAW_SERVICE_REPAIR_POLICY: 'external',
          OPENCLAW_NO_AUTO_UPDATE: '1',
          NODE_COMPILE_CACHE: compileCache,
          // Else a launcher of 60 MB stays as its parent, only to name the same cache differently.
          OPENCLAW_PACKAGED_COMPILE_CACHE_RESPAWNED: '1',
        },
      },
    );
    child = started;
    const keepTail = (chunk: Buffer): void => {
      if (state !== 'ready') printed = (printed + chunk.toString()).slice(-16_000);
    };
    started.stdout?.on('data', keepTail);
    started.stderr?.on('data', keepTail);
    const onEnd = (why: string): void => {
      if (child !== started) return;
      child = null;
      // Lets the guard's watch end, which takes what OpenClaw left in its process group with it.
      started.stdio[3]?.destroy();
      setState('down');
      events.emit('exit', why);
      if (stopping || restarting) return;
      const waitMs = why.endsWith(` ${configRefused}`) ? 60_000 : backoff.next();
      log(`OpenClaw's gateway ended (${why}); starting it again in ${Math.round(waitMs / 100) / 10} s`);
      restart = setTimeout(launch, waitMs);
    };
    started.once('error', (error) => onEnd(error.message));
    started.once('exit', (code, signal) => onEnd(signal ? `signal ${signal}` : `code ${code}`));
    setState('starting');
    void watch(started);
  };

  const end = async (ending: ChildProcess, graceMs: number): Promise<void> => {
    if (!ending.pid || ending.exitCode !== null || ending.signalCode !== null) return;
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    ending.once('exit', () => resolve());
    ending.kill('SIGTERM');
    const kill = setTimeout(() => {
      try {
        if (ending.pid) process.kill(-ending.pid, 'SIGKILL');
      } catch {
        // The group has just ended by itself.
      }
    }, graceMs);
    await ended;
    clearTimeout(kill);
  };

  return {
    events,
    state: () => state,
    start: launch,
    startLog: () => printed,
    whenReady: (limitMs) => untilReady(events, state, limitMs),
    memoryMb: async () => (child?.pid === undefined ? null : groupMemoryMb(child.pid)),
    async restart() {
      if (stopping) throw new Error('OpenClaw is being stopped');
      clearTimeout(restart);
      restarting = true;
      if (child) await end(child, restartGraceMs);
      restarting = false;
      launch();
    },
    async stop(graceMs = 20_000) {
      stopping = true;
      clearTimeout(restart);
      if (child) await end(child, graceMs);
    },
  };
}
