import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { programPath } from '../env.ts';
import { mustRun, runProgram } from '../program.ts';
import type { Body, BodySpec } from './body.ts';
import { type ControlGroups, makeControlGroups } from './control-groups.ts';

/** Before systemd: private copies of the sysctls that belong to this computer, so that a machine's settings apply and read back. */
const firstProgram = `
t=/run/.lab-sysctl
mkdir -p $t && mount -t tmpfs -o mode=755 lab-sysctl $t
for k in kernel fs vm; do cp -r /proc/sys/$k $t/ 2>/dev/null; done
chmod -R u+w $t
for k in random hostname domainname; do mount --rbind /proc/sys/kernel/$k $t/kernel/$k; done
mount --make-rprivate $t
for k in kernel fs vm; do mount --rbind $t/$k /proc/sys/$k; done
umount -l $t; rmdir $t
exec /lib/systemd/systemd
`;

/**
 * What a container may beyond the default: networking of its own, BPF for IPAddressDeny=. Never all of them: with
 * CAP_SYS_TIME a guest moves this computer's clock.
 */
const capabilities = 'CAP_NET_ADMIN,CAP_BPF,CAP_IPC_LOCK';
const guestRebooted = 133;
const machinePath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** PID 1 of the container, as this computer sees it; undefined while there is none. */
function leaderOf(nspawn: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${nspawn}/task/${nspawn}/children`, 'utf8').trim().split(' ');
    return children
      .filter(Boolean)
      .map(Number)
      .find((child) => {
        const status = readFileSync(`/proc/${child}/status`, 'utf8');
        return /^NSpid:.*\s1$/m.test(status) && /^Name:\tsystemd$/m.test(status);
      });
  } catch {
    return undefined;
  }
}

/**
 * What a container's PID 1 may at most, as setpriv takes it. A command that joins from outside comes with all powers of
 * this computer's root, this computer's clock among them: it must give up what the machine has not.
 */
function boundsOf(leader: number): string {
  const bounds = BigInt(
    `0x${/^CapBnd:\t([0-9a-f]+)$/m.exec(readFileSync(`/proc/${leader}/status`, 'utf8'))![1]}`,
  );
  const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  const kept = Array.from({ length: last + 1 }, (_, bit) => bit).filter(
    (bit) => (bounds >> BigInt(bit)) & 1n,
  );
  return ['-all', ...kept.map((bit) => `+cap_${bit}`)].join();
}

/** A machine as a container: systemd as PID 1 in namespaces of its own, over an overlay of the image. */
export async function createContainer(spec: BodySpec): Promise<Body> {
  const { slot, name, folder, image, namespace, diskMb, binds } = spec;
  const root = join(folder, 'root');
  const disk = join(folder, 'disk');
  for (const path of [root, disk]) mkdirSync(path, { recursive: true });
  const source = `claw-lab-${slot.number}`;
  if (diskMb) await mustRun(['mount', '-t', 'tmpfs', '-o', `size=${diskMb}m,mode=755`, source, disk]);
  for (const path of ['upper', 'work']) mkdirSync(join(disk, path));
  const layers = `lowerdir=${image},upperdir=${disk}/upper,workdir=${disk}/work,volatile`;
  await mustRun(['mount', '-t', 'overlay', '-o', layers, source, root]);

  let groups: ControlGroups | undefined;
  let nspawn: ChildProcess | undefined;
  let off: Promise<void> = Promise.resolve();
  let boots = 0;

  function boot() {
    boots += 1;
    groups = makeControlGroups(slot.number, `${name}.${boots}`);
    const serial = openSync(spec.serialLog, 'a');
    const argv = groups.entering([
      'systemd-nspawn',
      '--quiet',
      `--directory=${root}`,
      `--machine=${slot.name}-${name}`,
      '--register=no',
      '--keep-unit',
      `--network-namespace-path=/run/netns/${namespace}`,
      '--link-journal=no',
      '--resolv-conf=off',
      '--timezone=off',
      '--console=read-only',
      `--capability=${capabilities}`,
      '--system-call-filter=bpf',
      '--kill-signal=SIGRTMIN+3',
      ...binds.map(({ from, to }) => `--bind-ro=${from}:${to}`),
      '/bin/sh',
      '-c',
      firstProgram,
    ]);
    // Nothing of this computer's environment goes along.
    const env = {
      PATH: programPath(),
      SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1',
      SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'network',
    };
    const child = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', serial, serial], detached: true, env });
    closeSync(serial);
    nspawn = child;
    return new Promise<number | null>((resolve) => {
      child.once('error', () => resolve(null));
      child.once('close', resolve);
    });
  }

  async function live(first: Promise<number | null>) {
    let code = await first;
    await groups?.remove();
    while (code === guestRebooted) {
      code = await boot();
      await groups?.remove();
    }
    nspawn = undefined;
  }

  function leader(): number | undefined {
    return nspawn?.pid === undefined ? undefined : leaderOf(nspawn.pid);
  }

  async function ready(limitMs: number): Promise<number> {
    const end = Date.now() + limitMs;
    for (;;) {
      const pid = leader();
      // systemd's own socket: from now on systemctl works.
      if (pid && existsSync(`/proc/${pid}/root/run/systemd/private`)) return pid;
      if (!nspawn) throw new Error(`The machine ${name} is off. Its last words:\n${spec.lastWords()}`);
      if (Date.now() > end)
        throw new Error(`The machine ${name} did not boot in ${limitMs} ms:\n${spec.lastWords()}`);
      await pause(15);
    }
  }

  async function kill() {
    await groups?.kill();
    nspawn?.kill('SIGKILL');
    await off;
  }

  return {
    async bring(path, content) {
      const file = join(root, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    },
    boots: () => boots,
    isRunning: async () => nspawn !== undefined,
    async powerOn() {
      if (nspawn) return;
      off = live(boot());
      await ready(60_000);
    },
    async powerOff(how, limitMs) {
      if (!nspawn) return;
      if (how === 'shutdown') {
        nspawn.kill('SIGTERM');
        const timer = new AbortController();
        await Promise.race([off, pause(limitMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
        timer.abort();
      }
      if (nspawn) await kill();
    },
    async rebooted(before, limitMs) {
      const end = Date.now() + limitMs;
      while (boots === before && nspawn && Date.now() < end) await pause(20);
      if (boots === before) throw new Error(`The machine ${name} did not reboot:\n${spec.lastWords()}`);
      await ready(limitMs);
    },
    async holds(path) {
      const pid = leader();
      return pid !== undefined && existsSync(`/proc/${pid}/root${path}`);
    },
    async exec(argv, options) {
      const pid = await ready(60_000);
      const enter = [
        'nsenter',
        '-t',
        String(pid),
        '-m',
        '-u',
        '-i',
        '-n',
        '-p',
        '-C',
        `--wd=/proc/${pid}/root/root`,
      ];
      const clean = ['env', '-i', 'HOME=/root', `PATH=${machinePath}`, 'LANG=C.UTF-8'];
      const bounded = ['setpriv', `--bounding-set=${boundsOf(pid)}`, '--inh-caps=-all', '--'];
      return runProgram([...enter, ...clean, ...bounded, ...argv], options);
    },
    async destroy() {
      await kill();
      for (const path of [root, ...(diskMb ? [disk] : [])]) {
        const gone = await runProgram(['umount', path]);
        if (gone.code !== 0) await runProgram(['umount', '-l', path]);
      }
      await groups?.remove();
      rmSync(`/run/systemd/nspawn/propagate/${slot.name}-${name}`, { recursive: true, force: true });
    },
  };
}
