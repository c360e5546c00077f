import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { redact } from './redact.ts';

export type Log = (message: string) => void;

export interface LogOptions {
  /** Null where the service manager keeps what is printed. */
  file: string | null;
  /** The file is set aside as `.1` above this; so the log takes at most twice as much. */
  maxBytes?: number;
  now?: () => Date;
  /** Also to standard output: where a service manager or a console reads. */
  echo?: boolean;
}

/**
 * A log of lines in a bounded file, on standard output, or both. Lines are redacted; callers never pass a word of
 * content. A disk that takes no more loses lines, and ends nobody.
 */
export function createLog({
  file,
  maxBytes = 2 * 1024 * 1024,
  now = () => new Date(),
  echo = false,
}: LogOptions): Log {
  if (file !== null) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  let size = file === null ? 0 : (statSync(file, { throwIfNoEntry: false })?.size ?? 0);
  return (message) => {
    const line = `${now().toISOString()} ${redact(message).replace(/\s+/g, ' ').slice(0, 2000)}\n`;
    if (echo) process.stdout.write(line);
    if (file === null) return;
    try {
      if (size + line.length > maxBytes) {
        renameSync(file, `${file}.1`);
        size = 0;
      }
      appendFileSync(file, line, { mode: 0o600 });
      size += Buffer.byteLength(line);
    } catch {
      // Nothing reads it now, and what the agent does matters more.
    }
  };
}
