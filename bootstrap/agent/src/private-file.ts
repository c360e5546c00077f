import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** The file's text, or null where there is none. */
export function readIfThere(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}

/**
 * What `parse` makes of the file, or null where there is none. A file it raises on is damaged: it is kept aside under
 * another name and said so, and the caller begins anew, for starting again would only find the same.
 */
export function readOrSetAside<T>(
  path: string,
  parse: (text: string) => T,
  log: (message: string) => void,
): T | null {
  const text = readIfThere(path);
  if (text === null) return null;
  try {
    return parse(text);
  } catch {
    const aside = `${path}.damaged`;
    renameSync(path, aside);
    log(`${path} is damaged; kept as ${aside}`);
    return null;
  }
}

/** As {@link writePrivate}, and a second one beside it: for what can't be made again, should the disk lose a block. */
export function writeTwice(path: string, data: string): void {
  writePrivate(path, data);
  writePrivate(`${path}.copy`, data);
}

/**
 * What `parse` makes of a file that {@link writeTwice} wrote. One that is damaged or gone is kept aside and put back from
 * its copy, and said so; a copy that is missing is made. Null where there is neither; raises what `parse` raises where
 * there is nothing better.
 */
export function readTwice<T>(
  path: string,
  parse: (text: string) => T,
  log: (message: string) => void,
): T | null {
  const text = readIfThere(path);
  const copy = readIfThere(`${path}.copy`);
  if (text === null && copy === null) return null;
  try {
    const value = parse(text ?? '');
    if (copy !== text) writePrivate(`${path}.copy`, text ?? '');
    return value;
  } catch (error) {
    if (copy === null) throw error;
    const value = parse(copy);
    if (text !== null) renameSync(path, `${path}.damaged`);
    writePrivate(path, copy);
    log(`${path} was damaged; put back from its copy`);
    return value;
  }
}

/**
 * Replaces a file whole, readable by its owner only (0600, its folder 0700 when made here), and durable
 * when this returns: a power cut leaves the old text or the new, never half of one.
 */
export function writePrivate(path: string, data: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const part = `${path}.${randomBytes(6).toString('hex')}.part`;
  const file = openSync(part, 'wx', 0o600);
  try {
    writeSync(file, typeof data === 'string' ? Buffer.from(data) : data);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(part, path);
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
