import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** SHA-256 of the agent's file in hex; null where it runs from its sources. */
export function bundleDigest(file: string): string | null {
  if (!file.endsWith('.mjs')) return null;
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
