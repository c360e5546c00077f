const mark = '[redacted]';

/**
 * Takes out of a log what looks like a secret. It may take out too much: a log that is read to find a fault loses
 * little without its long random words. It is the last fence, not the first: nothing secret is meant to get here.
 */
export function redact(text: string): string {
  return (
    text
      .replace(/-----BEGIN [A-Z ]+-----[\s\S]*?(-----END [A-Z ]+-----|$)/g, mark)
      .replace(/(:\/\/[^/\s:@]*:)[^/\s@]+@/g, `$1${mark}@`)
      .replace(/\b(bearer|basic)\s+[\w.~+/=-]+/gi, `$1 ${mark}`)
      // name=value, name: value, "name": "value"
      .replace(
        /((?:api[-_ ]?key|token|secret|passw(?:or)?d|passphrase|authorization|credential|private[-_ ]?key)["']?\s*[=:]\s*)("[^"\n]*"|'[^'\n]*'|[^\s,;}\]]+)/gi,
        `$1${mark}`,
      )
      .replace(/\b(?:sk|pk|rk|ghp|gho|ghs|xox[a-z])[-_][\w-]{8,}/g, mark)
      .replace(/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, mark)
      .replace(/[A-Za-z0-9_+=-]{32,}/g, (word) => (/\d/.test(word) && /[A-Za-z]/.test(word) ? mark : word))
  );
}
