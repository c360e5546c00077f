const replacement = '[redacted]';
/** Shorter ones would turn ordinary text into stars. */
const shortestSecret = 6;
/** Lines of a multi-line secret that are worth hiding one by one. */
const shortestLine = 20;

export interface Redactor {
  /** Hides this text from now on, as it is and as JSON, base64, hex and percent-encoding write it. */
  add(secret: string): void;
  /** The text without any secret, cut to `limit` characters. @default 2000 */
  clean(text: string, limit?: number): string;
}

function forms(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8');
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
    encodeURIComponent(secret),
  ];
}

/** Takes what it was told out of texts that clouds and the engine wrote. */
export function createRedactor(): Redactor {
  const hidden = new Set<string>();
  let ordered: string[] = [];
  return {
    add(secret) {
      const pieces = [secret, ...secret.split(/\r?\n/).filter((line) => line.trim().length >= shortestLine)];
      for (const piece of pieces)
        if (piece.trim().length >= shortestSecret) for (const form of forms(piece.trim())) hidden.add(form);
      // The longest first: a short secret inside a long one must not leave the rest standing.
      ordered = [...hidden].sort((a, b) => b.length - a.length);
    },
    clean(text, limit = 2000) {
      let result = text;
      for (const form of ordered) result = result.replaceAll(form, replacement);
      return result.length > limit ? `${result.slice(0, limit - 1)}…` : result;
    },
  };
}
