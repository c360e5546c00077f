import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runProgram } from '../program.ts';

/** The processes of one start of a machine, to be ended as a whole; in systemd's trees of control groups. */
export interface ControlGroups {
  /** A command line that joins them and then becomes `argv`. */
  entering(argv: readonly string[]): string[];
  kill(): Promise<void>;
  /** Waits until they are empty, two seconds at most. */
  remove(): Promise<void>;
}

const joinGroups = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs"; shift; done; shift; exec "$@"';

/** Makes groups of a name that wasn't used before: in one that was killed, the kernel kills what is born later too. */
export function makeControlGroups(slot: number, name: string): ControlGroups {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const isOfSystemd = (type?: string, options?: string) =>
    type === 'cgroup2' || (type === 'cgroup' && options?.includes('name=systemd'));
  const groups = mounts
    .filter(([, , type, options]) => isOfSystemd(type, options))
    .map(([, mount]) => join(mount!, `claw-lab-${slot}`, name));
  for (const group of groups) mkdirSync(group, { recursive: true });
  return {
    entering: (argv) => ['sh', '-c', joinGroups, 'sh', ...groups, '--', ...argv],
    async kill() {
      for (const group of groups) {
        const file = join(group, 'cgroup.kill');
        if (existsSync(file)) await runProgram(['sh', '-c', 'echo 1 >"$1"', 'sh', file]);
      }
    },
    async remove() {
      for (const group of groups) {
        for (let i = 0; existsSync(group) && i < 80; i += 1) {
          await runProgram(['find', group, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+']);
          if (existsSync(group)) await pause(25);
        }
      }
    },
  };
}
