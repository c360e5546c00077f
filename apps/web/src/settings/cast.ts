/** A terminal session as it was recorded: what it wrote, and when. */
export interface Cast {
  readonly title: string | null;
  /** Seconds from the beginning, pauses shortened; ordered. */
  readonly events: readonly { readonly at: number; readonly text: string }[];
  readonly seconds: number;
}

/** Nobody wants to watch somebody think: longer pauses are shown as this many seconds. */
const longestPause = 2;
const keptChars = 100_000;

/**
 * Reads asciicast v2, a JSON array a line. A recording that breaks off in the middle is shown as far as it goes; text
 * that is no recording is shown as it is, at once. Pure.
 */
export function parseCast(recording: string): Cast {
  const lines = recording.split('\n').filter((line) => line.trim() !== '');
  const header = asJson(lines[0]);
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    return { title: null, events: [{ at: 0, text: recording }], seconds: 0 };
  }
  const events: { at: number; text: string }[] = [];
  let shown = 0;
  let before = 0;
  for (const line of lines.slice(1)) {
    const event = asJson(line);
    if (!Array.isArray(event)) continue;
    const [at, kind, text] = event as unknown[];
    if (typeof at !== 'number' || kind !== 'o' || typeof text !== 'string') continue;
    shown += Math.min(longestPause, Math.max(0, at - before));
    before = at;
    events.push({ at: shown, text });
  }
  const title = 'title' in header && typeof header.title === 'string' ? header.title : null;
  return { title, events, seconds: shown };
}

/** What stood on the screen after so many seconds, as plain text. Pure. */
export function screenAt(cast: Cast, seconds: number): string {
  let raw = '';
  for (const { at, text } of cast.events) {
    if (at > seconds) break;
    raw += text;
    if (raw.length > 2 * keptChars) raw = raw.slice(-keptChars);
  }
  return plainTerminal(raw);
}

/**
 * Terminal output as text: colours and cursor movements are taken out, a cleared screen is cleared, what was
 * overwritten or erased in a line is gone. Nothing in it can be more than text.
 */
export function plainTerminal(raw: string): string {
  const esc = '\u001b';
  const cleared = Math.max(
    raw.lastIndexOf(`${esc}[2J`),
    raw.lastIndexOf(`${esc}[3J`),
    raw.lastIndexOf(`${esc}c`),
  );
  const text = (cleared < 0 ? raw : raw.slice(cleared)).replace(sequences, '');
  return text.split('\n').map(lineOf).join('\n');
}

// CSI, OSC (ended by BEL or ST), charset choices and the two-character escapes, in this order.
const sequences = new RegExp(
  [
    '\\u001b\\[[0-?]*[ -/]*[@-~]',
    '\\u001b\\][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)?',
    '\\u001b[()*+][A-Za-z0-9]',
    '\\u001b[ -~]?',
  ].join('|'),
  'g',
);

function lineOf(raw: string): string {
  const cells: string[] = [];
  let at = 0;
  for (const char of raw.replace(/\r+$/, '')) {
    if (char === '\r') at = 0;
    else if (char === '\b') at = Math.max(0, at - 1);
    else if (char === '\t' || char >= ' ') {
      if (char !== '\u007f') cells[at++] = char;
    }
  }
  return cells.join('');
}

function asJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
