const patterns: readonly [RegExp, string][] = [
  [/\b(bearer)\s+[A-Za-z0-9._~+/=-]{8,}/gi, '$1 [redacted]'],
  [
    /("?(?:api[-_ ]?key|token|secret|password|authorization|cookie)"?\s*[:=]\s*)("[^"]*"|'[^']*'|\S+)/gi,
    '$1[redacted]',
  ],
  // Keys of the common model providers and chat channels, wherever they stand.
  [/\b(?:sk|pk|rk|xox[abps]|ghp|gho|github_pat|AIza)[-_A-Za-z0-9]{12,}/g, '[redacted]'],
  [/\b\d{8,10}:[A-Za-z0-9_-]{30,}\b/g, '[redacted]'],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, '$1[redacted]@'],
  // 32 bytes and more as base64url or hex: a key, a token, or nothing that is missed.
  [/[A-Za-z0-9_-]{40,}/g, '[redacted]'],
];

/**
 * The text without anything that looks like a secret, and without each of `known` (in plain and base64).
 * For what leaves the machine: it rather takes too much than too little.
 */
export function redact(text: string, known: readonly string[] = []): string {
  let clean = text;
  for (const value of known) {
    if (value.length < 6) continue;
    clean = clean.replaceAll(value, '[redacted]');
    clean = clean.replaceAll(Buffer.from(value).toString('base64').replace(/=+$/, ''), '[redacted]');
  }
  for (const [pattern, replacement] of patterns) clean = clean.replace(pattern, replacement);
  return clean;
}

/** The end of a log, redacted first and then cut to `maxChars`, so that a cut can't halve a secret. */
export function redactedTail(text: string, known: readonly string[], maxChars = 8000): string {
  return redact(text, known).slice(-maxChars);
}
