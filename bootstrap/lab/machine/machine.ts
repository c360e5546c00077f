import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Ended } from '../program.ts';
import type { Body } from './body.ts';

export interface ExecOptions {
  /** @default 60_000 */
  timeoutMs?: number;
  input?: string | Buffer;
}

/** A booted machine. */
export interface LabMachine {
  name: string;
  ipv4: string;
  ipv6: string;
  /** On this computer: its disk and its serial log. */
  folder: string;
  /** The network namespace outside the machine, on its network: where a scan is run from (`ip netns exec`). */
  namespace: string;
  /** The machine's own network namespace; empty for a virtual machine. */
  ownNamespace: string;
  serialLog: string;
  /** Runs as root in the machine: a text by bash, an array as it is. Never raises for an exit code; 124 is the time limit. */
  exec(command: string | readonly string[], options?: ExecOptions): Promise<Ended>;
  /** As `exec`; gives back stdout without the last line's end, and raises with both outputs when the code isn't 0. */
  run(command: string | readonly string[], options?: ExecOptions): Promise<string>;
  /** The end of the serial log. @default 64 KiB */
  console(maxBytes?: number): Promise<string>;
  /** `pull` kills everything at once and keeps the disk; `shutdown` waits for systemd, a minute at most. */
  powerOff(how: 'shutdown' | 'pull'): Promise<void>;
  powerOn(): Promise<void>;
  /** From inside, in order; returns when the machine runs again. */
  reboot(): Promise<void>;
  /** How often it has been started; more by one after each reboot. */
  boots(): number;
  isRunning(): Promise<boolean>;
  destroy(): Promise<void>;
  /** Waits for cloud-init's end; gives back its verdict: `done`, `degraded done`, `error`, `disabled`. */
  cloudInit(limitMs?: number): Promise<string>;
  /** Raises when there is no such file, or the machine is off. */
  readFile(path: string): Promise<string>;
  writeFile(path: string, content: string | Buffer, mode?: number): Promise<void>;
  /** Waits until a command succeeds in the machine, asking again twice a second; gives back what it said. */
  until(command: string, limitMs: number): Promise<string>;
}

/** The last bytes of a file that grows; empty when there is none yet. */
export function endOf(file: string, maxBytes: number): string {
  if (!existsSync(file)) return '';
  const handle = openSync(file, 'r');
  try {
    const { size } = fstatSync(handle);
    const length = Math.min(size, maxBytes);
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(handle, bytes, 0, length, size - length)).toString();
  } finally {
    closeSync(handle);
  }
}

const shutdownMs = 60_000;
const verdictFile = '/run/cloud-init/result.json';
const disabledFile = '/run/cloud-init/disabled';

type Names = Pick<
  LabMachine,
  'name' | 'ipv4' | 'ipv6' | 'folder' | 'namespace' | 'ownNamespace' | 'serialLog'
> & { isVirtual: boolean };

/** Gives a body its name and the habits all machines share. `gone` is called once, after `destroy`. */
export function createMachine(
  body: Body,
  { isVirtual, ...names }: Names,
  gone: () => Promise<void>,
): LabMachine {
  const { name, serialLog } = names;
  const slow = isVirtual ? 10 : 1;
  const argvOf = (command: string | readonly string[]) =>
    typeof command === 'string' ? ['/bin/bash', '-c', command] : command;
  let destroyed: Promise<void> | undefined;

  const machine: LabMachine = {
    ...names,
    exec: (command, options = {}) => body.exec(argvOf(command), options),
    async run(command, options = {}) {
      const { code, stdout, stderr } = await body.exec(argvOf(command), options);
      if (code === 0) return stdout.replace(/\n$/, '');
      const shown = typeof command === 'string' ? command : command.join(' ');
      throw new Error(
        `${name}: '${shown.slice(0, 200)}' ended with ${code}: ${stdout.slice(-3000)}${stderr.slice(-3000)}`,
      );
    },
    console: async (maxBytes = 65_536) => endOf(serialLog, maxBytes),
    powerOff: (how) => body.powerOff(how, shutdownMs * slow),
    powerOn: () => body.powerOn(),
    async reboot() {
      const before = body.boots();
      await body.exec(['systemctl', 'reboot', '--no-block'], {});
      await body.rebooted(before, shutdownMs * slow);
    },
    boots: () => body.boots(),
    isRunning: () => body.isRunning(),
    destroy() {
      destroyed ??= body.destroy().then(gone);
      return destroyed;
    },
    async cloudInit(limitMs = 300_000) {
      const end = Date.now() + limitMs;
      while (Date.now() < end) {
        if ((await body.holds(verdictFile)) || (await body.holds(disabledFile))) {
          const { stdout } = await body.exec(['cloud-init', 'status', '--format', 'json'], {});
          const answer = stdout.startsWith('{') ? (JSON.parse(stdout) as Record<string, string>) : {};
          const status = answer['extended_status'] ?? answer['status'];
          if (status && !/running|not run/.test(status)) return status;
        }
        await pause(100 * slow);
      }
      throw new Error(`${name}: cloud-init had not ended after ${limitMs} ms:\n${endOf(serialLog, 4000)}`);
    },
    readFile: (path) =>
      body.exec(['cat', '--', path], {}).then(({ code, stdout, stderr }) => {
        if (code !== 0) throw new Error(`${name}: ${stderr.trim()}`);
        return stdout;
      }),
    async writeFile(path, content, mode = 0o644) {
      const write = 'mkdir -p -- "$(dirname -- "$1")" && cat >"$1" && chmod "$2" -- "$1"';
      await machine.run(['/bin/sh', '-c', write, 'sh', path, mode.toString(8)], { input: content });
    },
    async until(command, limitMs) {
      const end = Date.now() + limitMs;
      for (;;) {
        const running = await body.isRunning();
        const { code, stdout, stderr } = running
          ? await machine.exec(command, { timeoutMs: limitMs })
          : { code: 1, stdout: '', stderr: 'it is off' };
        if (code === 0) return stdout.replace(/\n$/, '');
        if (Date.now() > end) {
          throw new Error(
            `${name}: '${command.slice(0, 200)}' had not succeeded after ${limitMs} ms: ${stdout.slice(-2000)}${stderr.slice(-2000)}`,
          );
        }
        await pause(500);
      }
    },
  };
  return machine;
}
