import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { programEnvironment } from './env.ts';

/** A place for one lab on this computer: its number decides every name and address. */
export interface Slot {
  number: number;
  /** Begins the name of every namespace, and of every machine. */
  name: string;
  /** For disks; removed with the slot. */
  folder: string;
  /** Removes everything that was made under this number, and frees it. */
  release(): Promise<void>;
}

/** Machines have 10.77.N.0/24, so numbers above 99 would meet the labs' own addresses at 10.77.(100+N).0/24. */
const slots = 60;
const taken = 75;
const restMs = 60_000;

/** One that was just let go is taken last: whoever looks at what a lab has left sees no other's. */
function rests(number: number): boolean {
  const lock = statSync(`/run/claw-lab/${number}.lock`, { throwIfNoEntry: false });
  return lock !== undefined && Date.now() - lock.mtimeMs < restMs;
}

/**
 * Takes a free slot. A warden holds it, a process that outlives this one: however this process ends, the warden
 * then removes all that is left. Raises when all are taken.
 */
export async function takeSlot(runFolder: string): Promise<Slot> {
  const numbers = Array.from({ length: slots }, (_, index) => index + 1);
  for (const number of [...numbers.filter((one) => !rests(one)), ...numbers.filter(rests)]) {
    const folder = join(runFolder, String(number));
    const warden = spawn('sh', [join(import.meta.dirname, 'slot-warden.sh'), String(number), folder], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: programEnvironment(),
      // A group of its own: whoever ends this process with its whole group must not end the clean-up.
      detached: true,
    });
    const ended = new Promise<number | null>((resolve) => warden.once('close', resolve));
    const held = await new Promise<boolean>((resolve, reject) => {
      warden.once('error', reject);
      warden.stdout.once('data', () => resolve(true));
      void ended.then(() => resolve(false));
    });
    if (held) {
      return {
        number,
        name: `claw${number}`,
        folder,
        async release() {
          warden.stdin.end();
          await ended;
        },
      };
    }
    const code = await ended;
    if (code !== taken) throw new Error(`The lab's warden ended with ${code} before it held slot ${number}.`);
  }
  throw new Error(`All ${slots} slots for labs are taken on this computer.`);
}
