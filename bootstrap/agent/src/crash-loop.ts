import { z } from 'zod';
import type { Log } from './log.ts';
import { readOrSetAside, writePrivate } from './private-file.ts';

const Starts = z.object({ agent: z.string().max(64), inARow: z.number().int().nonnegative() });

/** So many starts may come right after one another: a reboot, a power cut, a restart by hand. */
const freeStarts = 3;
const firstWaitMs = 2000;
const longestWaitMs = 5 * 60_000;
/** An agent that has run this long is no crash loop. */
const steadyAfterMs = 60_000;

export interface StartCount {
  /** How long this start should wait, in ms. */
  waitMs: number;
  /** The agent ends in good order: the next start is the first. */
  forget(): void;
}

/**
 * Counts starts that ended badly, and slows them down to one in five minutes; never for good, for what is broken may be
 * mended from outside. The service manager's own limits would end in a machine that stays dead. Another agent's file
 * begins anew.
 */
export function countStart(
  file: string,
  agent: string,
  log: Log,
  random: () => number = Math.random,
): StartCount {
  const before = readOrSetAside(file, (text) => Starts.parse(JSON.parse(text)), log);
  const inARow = before?.agent === agent ? before.inARow + 1 : 1;
  const write = (count: number): void => {
    try {
      writePrivate(file, JSON.stringify({ agent, inARow: count } satisfies z.infer<typeof Starts>));
    } catch {
      // On a full disk nothing is counted, and nothing slowed down but by the service manager.
    }
  };
  write(inARow);
  const forget = (): void => {
    clearTimeout(steady);
    write(0);
  };
  const over = inARow - freeStarts;
  const full = over > 0 ? Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(over, 20)) : 0;
  const waitMs = Math.round(full * (0.5 + random() / 2));
  const steady = setTimeout(() => write(0), steadyAfterMs + waitMs);
  steady.unref();
  return { waitMs, forget };
}
