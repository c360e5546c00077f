import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** Runs `work` while this process alone holds the lock file; a holder that dies lets go. Waits up to `limitMs`. */
export async function withLock<T>(file: string, limitMs: number, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  const seconds = String(Math.ceil(limitMs / 1000));
  const holder = spawn('flock', ['-w', seconds, file, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => holder.once('close', () => resolve()));
  const held = await new Promise<boolean>((resolve, reject) => {
    holder.once('error', reject);
    holder.stdout.once('data', () => resolve(true));
    holder.once('close', () => resolve(false));
  });
  if (!held) throw new Error(`${file} was still locked after ${seconds} s by another process.`);
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
