import { execFileSync } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Deletes an embedded database with all it holds, wherever its folder lies; ends its Postgres first when a killed process
 * left one running. Raises an error when that does not end within 15 s.
 */
export async function removeEmbedded(dir: string): Promise<void> {
  const asked = resolve(dir);
  const pointed = await readFile(join(asked, 'data-location'), 'utf8').catch(() => undefined);
  const place = pointed?.trim() || asked;
  const data = join(place, 'data');
  const pidFile = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => undefined);
  const pid = Number(pidFile?.split('\n')[0]);
  if (pid > 1 && serves(pid, data)) {
    // Fast shutdown: connections are cut, nothing waits for them.
    process.kill(pid, 'SIGINT');
    for (let waited = 0; serves(pid, data); waited += 50) {
      if (waited > 15_000)
        throw new Error(`The Postgres of ${dir} (process ${pid}) does not end. Stop it by hand.`);
      await pause(50);
    }
  }
  if (place !== asked) await rm(place, { recursive: true, force: true });
  await rm(asked, { recursive: true, force: true });
}

/** Whether the process is the Postgres of this folder, and not another that got its number. */
function serves(pid: number, data: string): boolean {
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], {
      encoding: 'utf8',
      timeout: 5000,
    }).includes(data);
  } catch {
    return false;
  }
}
