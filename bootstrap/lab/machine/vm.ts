import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { programEnvironment } from '../env.ts';
import { mustRun } from '../program.ts';
import type { Body, BodySpec } from './body.ts';
import { type ControlGroups, makeControlGroups } from './control-groups.ts';
import { diskOfFolder, ensureEmulator } from './emulator.ts';
import { type LabPort, openLabPort } from './lab-port.ts';

export interface VmSpec extends BodySpec {
  cache: string;
  mac: string;
  /** Name of its network device, in `namespace`. */
  tap: string;
  log: (line: string) => void;
}

const seedFolder = '/var/lib/cloud/seed/nocloud/';
const bootMs = 600_000;

/**
 * A machine as an emulated computer with Debian's own kernel: everything as on a rented server but its boot loader and
 * its speed, which is a tenth. `image` is the folder with `disk.img`, `vmlinuz` and `initrd`.
 */
export async function createVm(spec: VmSpec): Promise<Body> {
  const { slot, name, folder, image, namespace, cache, log } = spec;
  const emulator = await ensureEmulator(cache, log);
  const disk = join(folder, 'disk.qcow2');
  const size = spec.diskMb ? `${spec.diskMb}M` : '10G';
  const create = ['create', '-q', '-f', 'qcow2', '-b', join(image, 'disk.img'), '-F', 'raw', disk, size];
  await mustRun(emulator.command('qemu-img', ...create), { env: emulator.env });
  const brought = new Map<string, string>();
  const mounts: { disk: string; to: string }[] = [];
  for (const { from, to } of spec.binds)
    mounts.push({ disk: await diskOfFolder(cache, basename(to), from), to });

  const socket = join(folder, 'port');
  let groups: ControlGroups | undefined;
  let process: ChildProcess | undefined;
  let off: Promise<void> = Promise.resolve();
  let port: LabPort | undefined;
  let starts = 0;

  /** The data source's disk, and the files that the provider's image brings, which systemd lays out. */
  async function makeSeed(): Promise<string[]> {
    const seed = join(folder, 'seed');
    mkdirSync(seed, { recursive: true });
    const lines: string[] = [];
    for (const [path, content] of brought) {
      if (path.startsWith(seedFolder)) writeFileSync(join(seed, path.slice(seedFolder.length)), content);
      else {
        lines.push(`d ${dirname(path)} 0755 root root -`);
        lines.push(`f+~ ${path} 0644 root root - ${Buffer.from(content).toString('base64')}`);
      }
    }
    const iso = join(folder, 'seed.iso');
    const made = ['-quiet', '-output', iso, '-volid', 'cidata', '-joliet', '-rock', seed];
    await mustRun(emulator.command('genisoimage', ...made));
    const args = ['-drive', `if=virtio,file=${iso},format=raw,readonly=on`];
    if (lines.length === 0) return args;
    const coded = Buffer.from(`${lines.join('\n')}\n`).toString('base64');
    writeFileSync(join(folder, 'smbios'), `io.systemd.credential.binary:tmpfiles.extra=${coded}`);
    return [...args, '-smbios', `type=11,path=${join(folder, 'smbios')}`];
  }

  async function boot() {
    starts += 1;
    groups = makeControlGroups(slot.number, `${name}.${starts}`);
    rmSync(socket, { force: true });
    const extra = mounts.map(
      ({ to }, i) => `systemd.mount-extra=/dev/disk/by-id/virtio-lab${i}:${to}:ext4:ro`,
    );
    const cmdline = ['root=LABEL=root', 'rw', 'console=ttyS0', 'net.ifnames=0', ...extra].join(' ');
    const share = `${emulator.folder}/usr/share`;
    const argv = emulator.command(
      'qemu-system-x86_64',
      ...['-name', name, '-M', 'q35', '-accel', 'tcg,tb-size=256', '-cpu', 'max', '-smp', '1'],
      ...['-m', String(spec.memoryMb), '-display', 'none', '-monitor', 'none', '-nodefaults'],
      ...['-L', `${share}/qemu`, '-L', `${share}/seabios`],
      ...['-kernel', join(image, 'vmlinuz'), '-initrd', join(image, 'initrd'), '-append', cmdline],
      ...['-drive', `if=virtio,file=${disk},cache=unsafe,discard=unmap`],
      ...mounts.flatMap(({ disk }, i) => [
        ...['-drive', `if=none,id=lab${i},file=${disk},format=raw,readonly=on`],
        ...['-device', `virtio-blk-pci,drive=lab${i},serial=lab${i}`],
      ]),
      ...(await makeSeed()),
      ...['-netdev', `tap,id=n0,ifname=${spec.tap},script=no,downscript=no`],
      ...['-device', `virtio-net-pci,netdev=n0,mac=${spec.mac},romfile=`],
      ...['-object', 'rng-random,id=r0,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=r0'],
      ...['-chardev', `file,id=s0,path=${spec.serialLog},append=on`, '-serial', 'chardev:s0'],
      ...['-device', 'virtio-serial-pci', '-chardev', `socket,path=${socket},server=on,wait=off,id=x0`],
      ...['-device', 'virtserialport,chardev=x0,name=lab.exec'],
    );
    const words = openSync(join(folder, 'emulator.log'), 'a');
    const [program, ...rest] = groups.entering(['ip', 'netns', 'exec', namespace, ...argv]);
    const child = spawn(program!, rest, {
      stdio: ['ignore', words, words],
      detached: true,
      env: { ...programEnvironment(), ...emulator.env },
    });
    closeSync(words);
    process = child;
    off = new Promise((resolve) => {
      const ended = () => {
        port?.close();
        port = undefined;
        process = undefined;
        void groups?.remove().then(resolve);
      };
      child.once('error', ended);
      child.once('close', ended);
    });
  }

  const lastWords = () => {
    const log = join(folder, 'emulator.log');
    return `${existsSync(log) ? readFileSync(log, 'utf8').slice(-1000) : ''}${spec.lastWords()}`;
  };

  /** The kernel greets once in each boot, whoever caused it. */
  const boots = () =>
    existsSync(spec.serialLog)
      ? readFileSync(spec.serialLog, 'latin1').split('Linux version ').length - 1
      : 0;

  async function ready(limitMs: number): Promise<LabPort> {
    const end = Date.now() + limitMs;
    for (;;) {
      if (!process) throw new Error(`The machine ${name} is off. Its last words:\n${lastWords()}`);
      if (existsSync(socket)) {
        port ??= openLabPort(socket);
        const question = ['sh', '-c', 'test -S /run/systemd/private'];
        const { code } = await port.run(question, { timeoutMs: 3000 });
        if (code === 0) return port;
      }
      if (Date.now() > end)
        throw new Error(`The machine ${name} did not boot in ${limitMs} ms:\n${lastWords()}`);
      await pause(500);
    }
  }

  return {
    async bring(path, content) {
      brought.set(path, content);
    },
    boots,
    isRunning: async () => process !== undefined,
    async powerOn() {
      if (process) return;
      await off;
      await boot();
      await ready(bootMs);
    },
    async powerOff(how, limitMs) {
      if (!process) return;
      if (how === 'shutdown') {
        const ended = off;
        await port?.run(['systemctl', 'poweroff', '--no-block'], { timeoutMs: 20_000 });
        const timer = new AbortController();
        await Promise.race([
          ended,
          pause(limitMs, undefined, { signal: timer.signal }).catch(() => undefined),
        ]);
        timer.abort();
      }
      await groups?.kill();
      await off;
    },
    async rebooted(before, limitMs) {
      const end = Date.now() + limitMs;
      while (boots() <= before && process && Date.now() < end) await pause(250);
      if (boots() <= before) throw new Error(`The machine ${name} did not reboot:\n${lastWords()}`);
      await ready(limitMs);
    },
    async holds(path) {
      if (!process || !port) return false;
      return (await port.run(['test', '-e', path], { timeoutMs: 20_000 })).code === 0;
    },
    async exec(argv, options) {
      const open = await ready(bootMs);
      return open.run(argv, options);
    },
    async destroy() {
      await groups?.kill();
      await off;
    },
  };
}
