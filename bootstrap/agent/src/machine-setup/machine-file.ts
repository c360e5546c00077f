import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A file of the system's settings, owned by root. */
export interface MachineFile {
  path: string;
  content: string;
  /** @default 0o644 */
  mode?: number;
}

/** Puts a file in place whole, below `root`; leaves one alone that is as it should be. Says whether it changed. */
export function placeFile(root: string, { path, content, mode = 0o644 }: MachineFile): boolean {
  const target = join(root || '/', path);
  if (
    existsSync(target) &&
    readFileSync(target, 'utf8') === content &&
    (statSync(target).mode & 0o7777) === mode
  )
    return false;
  mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
  const part = `${target}.${randomBytes(6).toString('hex')}.part`;
  writeFileSync(part, content, { mode });
  // The process's mask may have taken bits away.
  chmodSync(part, mode);
  renameSync(part, target);
  return true;
}
