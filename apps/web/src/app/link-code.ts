let waiting: string | null = null;

/**
 * Takes a link code off the address before anything else runs, so that it stays in no history and no screenshot, and
 * keeps it until the page that uses it asks. True where there was one.
 */
export function takeLinkCode(
  location: Pick<Location, 'hash'>,
  history: Pick<History, 'replaceState'>,
): boolean {
  const match = /^#\/link\?(.{1,500})$/s.exec(location.hash);
  const code = match ? new URLSearchParams(match[1]).get('code') : null;
  if (!match) return false;
  history.replaceState(null, '', '/link');
  waiting = code;
  return true;
}

/** The code that was in the address, once. */
export function waitingLinkCode(): string | null {
  const code = waiting;
  waiting = null;
  return code;
}
