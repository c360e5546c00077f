/**
 * Whether a download host answers. Known within `limitMs`: a host that drops packets must not
 * hold a setup up. Anything but success counts as out of reach, also a proxy's refusal.
 * @default limitMs 5000
 */
export async function isReachable(
  url: string,
  { limitMs = 5_000, signal }: { limitMs?: number; signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  const limit = AbortSignal.timeout(limitMs);
  try {
    const answer = await fetch(url, {
      method: 'HEAD',
      signal: signal ? AbortSignal.any([limit, signal]) : limit,
    });
    return answer.ok;
  } catch {
    signal?.throwIfAborted();
    return false;
  }
}
