import { readFileSync } from 'node:fs';

/** What the kernel says of a process, from behind its name (which may hold blanks); null where it says nothing. */
function statFields(pid: number): string[] | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? null;
  } catch {
    return null;
  }
}

/**
 * Whether a process runs on this computer; one of another user counts, one that has ended and only waits
 * for its parent to look does not.
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return !['Z', 'X'].includes(statFields(pid)?.[0] ?? '');
}

/** A text that two processes which had the same pid don't share, where the system tells. */
export function processIdentity(pid: number): string {
  return `${pid} ${statFields(pid)?.[19] ?? '-'}`;
}
