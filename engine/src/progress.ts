export type Log = (line: string) => void;

/** A duration as a person says it: `1m15s`, `42s`. */
export function spoken(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60
    ? `${seconds}s`
    : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}

/**
 * Runs `work` and says every `everyMs` how long it has been at it, and how long it usually takes.
 * @default everyMs 15000
 */
export async function withProgress<T>(
  what: string,
  usualMs: number,
  log: Log,
  work: () => Promise<T>,
  { everyMs = 15_000, now = Date.now }: { everyMs?: number; now?: () => number } = {},
): Promise<T> {
  const start = now();
  const usual = usualMs < 60_000 ? spoken(usualMs) : `${Math.round(usualMs / 60_000)} min`;
  log(`${what} (usually about ${usual}, once)`);
  const timer = setInterval(() => log(`${what}… ${spoken(now() - start)} of about ${usual}`), everyMs);
  try {
    const result = await work();
    log(`${what}: done in ${spoken(now() - start)}`);
    return result;
  } finally {
    clearInterval(timer);
  }
}
