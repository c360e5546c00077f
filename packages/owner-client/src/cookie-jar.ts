/** Cookies of one origin, for runtimes whose fetch keeps none (Node). Kept in memory only. */
export interface CookieJar {
  /** Takes the cookies an answer sets. */
  take(headers: Headers): void;
  /** The Cookie header to send, or undefined where there is none. */
  header(): string | undefined;
  clear(): void;
}

/**
 * A jar for a single origin and path: names, values and deletion (Max-Age or Expires in the past), which is
 * all that a session cookie of our own issuer needs. Not a general cookie implementation (RFC 6265).
 */
export function createCookieJar(now: () => number = Date.now): CookieJar {
  const cookies = new Map<string, string>();
  return {
    take(headers) {
      for (const line of headers.getSetCookie()) {
        const [pair = '', ...attributes] = line.split(';');
        const equals = pair.indexOf('=');
        if (equals < 1) continue;
        const name = pair.slice(0, equals).trim();
        const value = pair.slice(equals + 1).trim();
        if (value === '' || isOver(attributes, now())) cookies.delete(name);
        else cookies.set(name, value);
      }
    },
    header() {
      return cookies.size === 0
        ? undefined
        : [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    },
    clear: () => cookies.clear(),
  };
}

function isOver(attributes: readonly string[], now: number): boolean {
  for (const attribute of attributes) {
    const [name = '', value = ''] = attribute.split('=');
    if (name.trim().toLowerCase() === 'max-age') return Number(value) <= 0;
    if (name.trim().toLowerCase() === 'expires') return Date.parse(value) <= now;
  }
  return false;
}
