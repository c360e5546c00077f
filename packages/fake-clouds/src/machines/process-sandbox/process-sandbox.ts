import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, chmod, mkdir, open, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MachineDriver, MachineSpec, MachineStatus } from '../driver.ts';
import { firstBootScript, laterBootScript, underRoot } from './boot-script.ts';
import type { MachineRecord } from './machine-record.ts';
import { readRecord, writeRecord } from './machine-record.ts';
import { freePortBase } from './ports.ts';
import { endMachine, MARKER_VARIABLE, machineProcesses, startOf } from './processes.ts';
import { lockSandbox } from './sandbox-lock.ts';
import { readUserData } from './user-data.ts';

export interface ProcessSandboxOptions {
  /** Everything of the machines lies here; one sandbox process at a time. */
  stateDir: string;
  /** Shared by all instances of this computer: downloaded packages and the like. Made when absent. */
  storeDir: string;
  /** First on the machines' PATH. */
  nodeBinDir: string;
  /**
   * Files the image brings along, by absolute path of the machine; put in place anew at every boot, because what
   * they name (the model server's port) may differ after a restart of the sandbox. Readable by the owner only.
   */
  imageFiles?: Record<string, string>;
  /** Further environment of the machines. */
  env?: Record<string, string>;
  /** Machines outlive a sandbox that was killed. @default false: they end some seconds after it */
  keepMachines?: boolean;
  /** How long processes may take to end in order before they are killed. @default 5000 */
  graceMs?: number;
  now?: () => Date;
  randomBelow?: (below: number) => number;
}

export interface ProcessSandbox extends MachineDriver {
  /** The machine's folder on this computer; its root is `root` below it. */
  folder(id: number): string;
  /** Gives the folder free for another process; with `keepMachines` machines go on. */
  close(): Promise<void>;
}

const INIT = fileURLToPath(new URL('init.sh', import.meta.url));
const ENDER = fileURLToPath(new URL('end-machine.ts', import.meta.url));
const SYSTEM_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const DEFAULT_GRACE_MS = 5_000;
const MAX_CONSOLE_BYTES = 1024 ** 2;

/**
 * Machines as process groups of this computer: each has a folder as its root, its own ports and environment, runs the
 * user-data it was given, and can be stopped whole. It separates nothing from anything: it is for a person's own
 * computer and for tests. Needs no root.
 */
export async function openProcessSandbox(options: ProcessSandboxOptions): Promise<ProcessSandbox> {
  const graceMs = options.graceMs ?? DEFAULT_GRACE_MS;
  const now = options.now ?? (() => new Date());
  const randomBelow = options.randomBelow ?? ((below: number) => randomInt(below));
  await mkdir(options.storeDir, { recursive: true });
  const lock = await lockSandbox(options.stateDir);
  const storeDir = await realpath(options.storeDir);
  const servers = join(await realpath(options.stateDir), 'servers');
  await mkdir(servers, { recursive: true, mode: 0o700 });

  const folder = (id: number) => join(servers, String(id));
  const rootOf = (id: number) => join(folder(id), 'root');
  const serial = (id: number) => join(folder(id), 'serial.log');
  const identity = (record: MachineRecord) => ({ marker: record.marker, root: rootOf(record.spec.id) });

  async function say(id: number, line: string) {
    await appendFile(serial(id), `[sandbox] ${line}\n`, { mode: 0o600 });
  }

  /** One operation at a time per machine. */
  const queues = new Map<number, Promise<unknown>>();
  function inOrder<T>(id: number, work: () => Promise<T>): Promise<T> {
    const turn = (queues.get(id) ?? Promise.resolve()).then(work, work);
    queues.set(id, turn);
    const forget = () => {
      if (queues.get(id) === turn) queues.delete(id);
    };
    turn.then(forget, forget);
    return turn;
  }

  async function records(): Promise<MachineRecord[]> {
    const names = await readdir(servers);
    const found = await Promise.all(names.map((name) => readRecord(join(servers, name))));
    return found.filter((record) => record !== undefined);
  }

  async function isRunning(record: MachineRecord): Promise<boolean> {
    return record.init !== null && (await startOf(record.init.pid)) === record.init.started;
  }

  async function placeImageFiles({ spec: { id, name } }: MachineRecord) {
    const files = { '/etc/hostname': `${name}\n`, ...options.imageFiles };
    for (const [path, content] of Object.entries(files)) {
      await place(rootOf(id), path, Buffer.from(content), 0o600, false);
    }
  }

  async function prepareDisk(record: MachineRecord): Promise<string> {
    const { id } = record.spec;
    const root = rootOf(id);
    const userData = await readFile(join(folder(id), 'user-data'), 'utf8');
    const config = readUserData(userData);
    for (const note of config.notes) await say(id, note);
    for (const path of ['/root', '/tmp', '/etc/claw', '/var/lib', '/var/log', '/run']) {
      await mkdir(underRoot(root, path), { recursive: true });
    }
    for (const file of config.files) await place(root, file.path, file.content, file.mode, file.append);
    return firstBootScript(root, config.commands);
  }

  async function place(root: string, path: string, content: Buffer, mode: number, append: boolean) {
    const real = underRoot(root, path);
    await mkdir(dirname(real), { recursive: true });
    await writeFile(real, content, { flag: append ? 'a' : 'w' });
    await chmod(real, mode);
  }

  function environment(record: MachineRecord): Record<string, string> {
    const root = rootOf(record.spec.id);
    return {
      LANG: 'C.UTF-8',
      ...options.env,
      PATH: [options.nodeBinDir, ...SYSTEM_PATH].join(delimiter),
      HOME: join(root, 'root'),
      TMPDIR: join(root, 'tmp'),
      CLAW_ROOT: root,
      CLAW_STORE: storeDir,
      CLAW_PROCESS_SANDBOX: '1',
      CLAW_PORT_BASE: String(record.portBase),
      [MARKER_VARIABLE]: record.marker,
    };
  }

  async function boot(record: MachineRecord) {
    const { id } = record.spec;
    const finished = record.firstBoot === 'running' && (await exitOfBoot(id)) !== undefined;
    const first = record.firstBoot !== 'done' && !finished;
    record.firstBoot = first ? 'running' : 'done';
    record.boots += 1;
    record.init = null;
    await writeRecord(folder(id), record);
    await say(id, `boot ${record.boots} of server ${id} (${record.spec.name}) at ${now().toISOString()}`);
    await placeImageFiles(record);
    const script = first ? await prepareDisk(record) : laterBootScript(rootOf(id));
    await writeFile(join(folder(id), 'boot.sh'), script, { mode: 0o600 });
    if (first) await rm(join(folder(id), 'boot.exit'), { force: true });
    const args = [INIT, folder(id), lock.pidFile, options.keepMachines ? '1' : '0', process.execPath, ENDER];
    const child = spawn('/bin/sh', args, {
      cwd: rootOf(id),
      env: environment(record),
      detached: true, // a session of its own
      stdio: 'ignore',
    });
    await once(child, 'spawn');
    child.unref();
    if (child.pid === undefined) throw new Error(`The first process of server ${id} did not start.`);
    record.init = { pid: child.pid, started: (await startOf(child.pid)) ?? '' };
    await writeRecord(folder(id), record);
  }

  async function exitOfBoot(id: number): Promise<string | undefined> {
    return readFile(join(folder(id), 'boot.exit'), 'utf8').then(
      (text) => text.trim(),
      () => undefined,
    );
  }

  /** `cloud` is a power action: as with cloud-init, an interrupted first boot is then not run again. */
  async function halt(record: MachineRecord, how: 'shutdown' | 'pull', by: 'cloud' | 'sandbox') {
    await endMachine(identity(record), how === 'pull' ? 0 : graceMs);
    const finished = (await exitOfBoot(record.spec.id)) !== undefined;
    if (record.firstBoot === 'running' && (finished || by === 'cloud')) record.firstBoot = 'done';
    record.init = null;
    await writeRecord(folder(record.spec.id), record);
    await say(record.spec.id, by === 'cloud' ? `powered off (${how})` : 'stopped with the sandbox');
  }

  // Machines of a former sandbox process: those with their first process go on; leftovers without one are ended.
  for (const record of await records()) {
    if (await isRunning(record)) continue;
    if ((await machineProcesses(identity(record))).length > 0) await endMachine(identity(record), 0);
  }

  return {
    folder,
    create(spec: MachineSpec) {
      return inOrder(spec.id, async () => {
        if (await readRecord(folder(spec.id))) return;
        const taken = new Set((await records()).map((record) => record.portBase));
        const portBase = await freePortBase(taken, randomBelow);
        await mkdir(rootOf(spec.id), { recursive: true, mode: 0o700 });
        const { userData, ...rest } = spec;
        await writeFile(join(folder(spec.id), 'user-data'), userData, { mode: 0o600 });
        await writeRecord(folder(spec.id), {
          spec: rest,
          marker: `${spec.id}-${randomBytes(8).toString('hex')}`,
          portBase,
          boots: 0,
          firstBoot: 'pending',
          init: null,
        });
      });
    },
    powerOn(id) {
      return inOrder(id, async () => {
        const record = await readRecord(folder(id));
        if (!record) throw new Error(`There is no machine ${id}.`);
        if (!(await isRunning(record))) await boot(record);
      });
    },
    powerOff(id, how = 'shutdown') {
      return inOrder(id, async () => {
        const record = await readRecord(folder(id));
        if (record) await halt(record, how, 'cloud');
      });
    },
    reboot(id, how = 'shutdown') {
      return inOrder(id, async () => {
        const record = await readRecord(folder(id));
        if (!record) throw new Error(`There is no machine ${id}.`);
        await halt(record, how, 'cloud');
        await boot(record);
      });
    },
    destroy(id) {
      return inOrder(id, async () => {
        const record = await readRecord(folder(id));
        if (record) await endMachine(identity(record), graceMs);
        await rm(folder(id), { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
      });
    },
    async status(id): Promise<MachineStatus> {
      const record = await readRecord(folder(id));
      if (!record) return 'absent';
      return (await isRunning(record)) ? 'running' : 'off';
    },
    async console(id, maxBytes = 65_536) {
      const file = await open(serial(id), 'r').catch(() => undefined);
      if (!file) return '';
      try {
        const { size } = await file.stat();
        const length = Math.min(size, maxBytes, MAX_CONSOLE_BYTES);
        const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
        return buffer.subarray(0, bytesRead).toString('utf8');
      } finally {
        await file.close();
      }
    },
    async stopAll() {
      const running = await records();
      await Promise.all(
        running.map((record) =>
          inOrder(record.spec.id, async () => {
            const current = await readRecord(folder(record.spec.id));
            if (current?.init) await halt(current, 'shutdown', 'sandbox');
          }),
        ),
      );
    },
    async close() {
      await Promise.allSettled(queues.values());
      await lock.release();
    },
  };
}
