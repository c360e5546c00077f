import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startOf } from './processes.ts';

export interface SandboxLock {
  /** The file with the owner's pid, which machines watch. */
  pidFile: string;
  release(): Promise<void>;
}

/**
 * Makes this process the owner of a sandbox folder. Throws when another live process owns it; takes it over from a
 * dead one. Machines started by the dead one then see a live owner and stay.
 */
export async function lockSandbox(stateDir: string): Promise<SandboxLock> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const pidFile = join(stateDir, 'sandbox.pid');
  const [pidText = '', started = ''] = (await readFile(pidFile, 'utf8').catch(() => '')).trim().split('\t');
  const pid = Number(pidText);
  if (pid > 0 && pid !== process.pid && (await startOf(pid)) === started) {
    throw new Error(
      `The sandbox folder ${stateDir} is in use by process ${pid}. Stop it, or choose another folder.`,
    );
  }
  const own = `${process.pid}\t${await startOf(process.pid)}\n`;
  const temporary = `${pidFile}.${process.pid}.tmp`;
  await writeFile(temporary, own, { mode: 0o600 });
  await rename(temporary, pidFile);
  return {
    pidFile,
    async release() {
      if ((await readFile(pidFile, 'utf8').catch(() => '')) === own) await rm(pidFile, { force: true });
    },
  };
}
