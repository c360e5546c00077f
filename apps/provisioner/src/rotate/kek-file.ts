import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { newKekText } from '../keys/key-files.ts';
import { type KekText, type KeySource, readKekText } from '../keys/key-source.ts';

type KeyFile = Extract<KeySource, { kind: 'file' }>;

/** Replaces the file as a whole, and only once the new one is on the disk: a lost key is a lost secret. */
function write({ path }: KeyFile, keys: KekText): void {
  const draft = `${path}.${process.pid}.new`;
  const file = openSync(draft, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify(keys)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
}

/** Adds a fresh key under the next version and returns that version. */
export function addKekVersion(file: KeyFile, makeKey: () => string = newKekText): number {
  const keys = readKekText(file);
  const next = Math.max(...Object.keys(keys).map(Number)) + 1;
  write(file, { ...keys, [next]: makeKey() });
  return next;
}

/** Removes the versions that are not in use, never the newest; returns those removed. */
export function dropKekVersions(file: KeyFile, inUse: readonly string[]): string[] {
  const keys = readKekText(file);
  const newest = String(Math.max(...Object.keys(keys).map(Number)));
  const dropped = Object.keys(keys).filter((version) => version !== newest && !inUse.includes(version));
  if (dropped.length > 0)
    write(file, Object.fromEntries(Object.entries(keys).filter(([v]) => !dropped.includes(v))));
  return dropped;
}
