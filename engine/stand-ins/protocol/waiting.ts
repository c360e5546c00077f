import { setTimeout as delay } from 'node:timers/promises';

/** How long the official provider waits, and whether this run imitates it. */
export type Waiting = {
  readonly imitate: boolean;
  /** A fixed pause of the official provider; none unless its waits are imitated. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
  /**
   * Asks until a target state is there, at the official provider's pace or quickly. Raises in the words of the
   * official providers after `limitMs` and at a state that is neither target nor pending; the signal's reason when
   * that ends it.
   */
  poll<T>(options: Poll<T>): Promise<T>;
};

export type Poll<T> = {
  /** The official provider's wait before it asks for the first time. */
  readonly delayMs: number;
  /** The official provider's least wait between two questions. */
  readonly everyMs: number;
  readonly limitMs: number;
  readonly signal: AbortSignal;
  readonly pending: readonly string[];
  readonly target: readonly string[];
  /** The state is null when the answer says nothing about it yet. */
  ask(): Promise<{ value: T; state: string | null }>;
};

/** Fast enough for a pretended cloud, slow enough not to hammer a real one by mistake. */
const quick = { firstMs: 25, longestMs: 1_000, growth: 1.5 };

/** `imitate`: the official provider's fixed waits are kept. */
export function createWaiting(imitate: boolean): Waiting {
  return {
    imitate,
    async pause(ms, signal) {
      if (imitate) await sleep(ms, signal);
    },
    async poll({ delayMs, everyMs, limitMs, signal, pending, target, ask }) {
      const end = performance.now() + limitMs;
      let step = imitate ? everyMs : quick.firstMs;
      if (imitate) await sleep(delayMs, signal);
      for (;;) {
        const { value, state } = await ask();
        const wanted = target.join(', ');
        if (state !== null && target.includes(state)) return value;
        if (state !== null && pending.length > 0 && !pending.includes(state)) {
          throw new Error(`unexpected state '${state}', wanted target '${wanted}'. last error: %!s(<nil>)`);
        }
        if (performance.now() > end) {
          throw new Error(
            `timeout while waiting for state to become '${wanted}' (last state: '${state ?? ''}', timeout: ${goDuration(limitMs)})`,
          );
        }
        await sleep(step, signal);
        if (!imitate) step = Math.min(step * quick.growth, quick.longestMs);
      }
    },
  };
}

/** Ends with the signal's own reason, not with a bare "aborted". */
async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** A time as Go prints it: `1h0m0s`, `10m0s`, `5s`. */
function goDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  if (hours > 0) return `${hours}h${minutes}m${seconds % 60}s`;
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}
