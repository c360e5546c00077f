import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { redact } from './redact.ts';

export type Log = (message: string) => void;

export interface LogOptions {
  file: string;
  /** The file is set aside as `.1` above this; so the log takes at most twice as much. */
  maxBytes?: number;
  now?: () => Date;
  /** Also to standard output: where a service manager or a console reads. */
  echo?: boolean;
}

/** A log of lines in a bounded file. Lines are redacted; callers never pass a word of content. */
export function createLog({
  file,
  maxBytes = 2 * 1024 * 1024,
  now = () => new Date(),
  echo = false,
}: LogOptions): Log {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  let size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return (message) => {
    const line = `${now().toISOString()} ${redact(message).replace(/\s+/g, ' ').slice(0, 2000)}\n`;
    if (size + line.length > maxBytes) {
      renameSync(file, `${file}.1`);
      size = 0;
    }
    appendFileSync(file, line, { mode: 0o600 });
    size += Buffer.byteLength(line);
    if (echo) process.stdout.write(line);
  };
}
