import { chmodSync, existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { toBase64Url } from '@claw-cloud/crypto';
import type { KekText, KeySource } from './key-source.ts';

type RandomBytes = (length: number) => Uint8Array;
const platformBytes: RandomBytes = (length) => globalThis.crypto.getRandomValues(new Uint8Array(length));

const freshKey = (randomBytes: RandomBytes): string => {
  const bytes = randomBytes(32);
  try {
    return toBase64Url(bytes);
  } finally {
    bytes.fill(0);
  }
};

/** Writes `content` where no file is yet; false when one is there. Two at once: one of them wins, whole. */
function writeNew(path: string, content: string): boolean {
  if (existsSync(path)) return false;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, content, { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Makes a key file on the first start; keys given as text must exist already. Returns whether one was made. */
export function ensureKekFile(source: KeySource, randomBytes: RandomBytes = platformBytes): boolean {
  if (source.kind !== 'file') return false;
  const text: KekText = { '1': freshKey(randomBytes) };
  const made = writeNew(source.path, `${JSON.stringify(text)}\n`);
  chmodSync(source.path, 0o600);
  return made;
}

/** As {@link ensureKekFile}, for the key that browsers seal for. */
export function ensureIntakeFile(source: KeySource, randomBytes: RandomBytes = platformBytes): boolean {
  if (source.kind !== 'file') return false;
  const made = writeNew(source.path, `${JSON.stringify([freshKey(randomBytes)])}\n`);
  chmodSync(source.path, 0o600);
  return made;
}

/** A new key-encryption key as text, 32 random bytes. */
export const newKekText = (randomBytes: RandomBytes = platformBytes): string => freshKey(randomBytes);
