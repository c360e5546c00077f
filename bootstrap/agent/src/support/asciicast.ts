import { StringDecoder } from 'node:string_decoder';

/** What the recorder notes when a session begins. */
export interface SessionStart {
  startedAt: string;
  /** Null for a shell. */
  command: string | null;
  user: string;
  columns: number;
  rows: number;
  term: string;
}

type Event = [seconds: number, kind: 'i' | 'o' | 'r', data: string];

const round = (seconds: number): number => Math.round(seconds * 1e6) / 1e6;

/** The first line of an asciicast: who, when, what, and how large the terminal was. */
export const castHeader = ({ startedAt, command, user, columns, rows, term }: SessionStart): string =>
  `${JSON.stringify({
    version: 2,
    width: columns,
    height: rows,
    timestamp: Math.floor(Date.parse(startedAt) / 1000),
    title: `${user}: ${command ?? 'shell'}`.slice(0, 500),
    ...(command === null ? {} : { command: command.slice(0, 4000) }),
    env: { TERM: term, SHELL: '/bin/bash' },
  })}\n`;

export const castEvent = (...event: Event): string => `${JSON.stringify(event)}\n`;

/**
 * What `script --log-io --log-timing --logging-format advanced` wrote, as asciicast v2. Of a session that goes on, or
 * was cut off, it takes what is whole.
 */
export function toAsciicast(start: SessionStart, timing: string, io: Uint8Array): string {
  const decoders = { I: new StringDecoder('utf8'), O: new StringDecoder('utf8') };
  const bytes = Buffer.from(io.buffer, io.byteOffset, io.byteLength);
  // The log begins with a line of script's own about itself.
  let offset = bytes.subarray(0, 15).toString('latin1') === 'Script started ' ? bytes.indexOf(10) + 1 : 0;
  let seconds = 0;
  const lines = [castHeader(start)];
  for (const line of timing.split('\n')) {
    const [kind = '', wait = '', ...rest] = line.split(' ');
    if (!/^\d+\.\d+$/.test(wait)) continue;
    if (kind === 'I' || kind === 'O') {
      seconds += Number(wait);
      const length = Number(rest[0]);
      if (!Number.isSafeInteger(length) || offset + length > bytes.length) break;
      const text = decoders[kind].write(bytes.subarray(offset, offset + length));
      offset += length;
      if (text !== '') lines.push(castEvent(round(seconds), kind === 'I' ? 'i' : 'o', text));
    } else if (kind === 'S') {
      seconds += Number(wait);
      const size = /ROWS=(\d+) COLS=(\d+)/.exec(line);
      if (size) lines.push(castEvent(round(seconds), 'r', `${size[2]}x${size[1]}`));
    }
  }
  return lines.join('');
}
