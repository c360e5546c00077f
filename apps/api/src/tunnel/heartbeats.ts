import type { InstanceHealth } from '@claw-cloud/contracts';
import { describeError, type Log } from '../log.ts';

export interface HeartbeatsOptions {
  /** Writes them; resolves with the ids of those that it could not write just now. */
  readonly write: (
    heartbeats: { instanceId: string; health: InstanceHealth; ageMs: number }[],
  ) => Promise<string[]>;
  readonly log: Log;
  /** In milliseconds, never going back. @default performance.now */
  readonly now?: () => number;
  /** @default 5000 */
  readonly everyMs?: number;
}

export interface Heartbeats {
  add(instanceId: string, health: InstanceHealth): void;
  /** Writes what is there; never rejects. */
  flush(): Promise<void>;
  /** Writes the last ones. */
  stop(): Promise<void>;
}

/** More instances than an api has tunnels. */
const mostWaiting = 50_000;

/**
 * Gathers heartbeats and writes them together, the last of each instance: thousands of instances are a few statements
 * every few seconds. Those that could not be written are kept unless a newer one has come.
 */
export function createHeartbeats(options: HeartbeatsOptions): Heartbeats {
  const { write, log, now = performance.now.bind(performance), everyMs = 5_000 } = options;
  let waiting = new Map<string, { health: InstanceHealth; at: number }>();
  let writing: Promise<void> | null = null;

  const writeOnce = async (): Promise<void> => {
    const batch = waiting;
    waiting = new Map();
    const at = now();
    const rows = [...batch].map(([instanceId, beat]) => ({
      instanceId,
      health: beat.health,
      ageMs: Math.max(0, Math.round(at - beat.at)),
    }));
    let left: Iterable<string> = [];
    try {
      left = await write(rows);
    } catch (error) {
      log.warn('heartbeats not written', { count: rows.length, ...describeError(error) });
      left = batch.keys();
    }
    for (const instanceId of left) {
      const beat = batch.get(instanceId);
      if (beat && !waiting.has(instanceId) && waiting.size < mostWaiting) waiting.set(instanceId, beat);
    }
  };

  const flush = (): Promise<void> => {
    // One at a time: a slow database gets fewer and larger ones.
    writing ??= (waiting.size > 0 ? writeOnce() : Promise.resolve()).finally(() => {
      writing = null;
    });
    return writing;
  };

  const timer = setInterval(() => void flush(), everyMs);
  timer.unref();
  return {
    add(instanceId, health) {
      if (waiting.size >= mostWaiting && !waiting.has(instanceId)) return;
      waiting.set(instanceId, { health, at: now() });
    },
    flush,
    async stop() {
      clearInterval(timer);
      await flush();
      await flush();
    },
  };
}
