import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Authority } from './authority.ts';
import { ensureHostPackages, hostArchives } from './host-packages.ts';
import { withLock } from './lock.ts';
import { mustRun } from './program.ts';

export type Release = 'trixie' | 'bookworm';

/**
 * The packages of Debian's own cloud image, without its vendors' agents, boot loader and kernel. There is no
 * nftables in it: a bootstrap has to bring what it needs.
 */
const packages = (
  'systemd systemd-sysv systemd-resolved systemd-timesyncd libpam-systemd libnss-resolve dbus polkitd udev kmod ' +
  'apt-utils bash-completion bind9-host ca-certificates cloud-guest-utils cloud-init curl e2fsprogs ethtool fdisk ' +
  'gdisk iproute2 iputils-ping less locales logrotate nano netbase netplan.io openssh-server pciutils procps ' +
  'psmisc python3 screen socat sudo unattended-upgrades uuid-runtime vim-tiny whiptail xz-utils apparmor wget gnupg ' +
  'lsb-release cron'
).split(' ');

/** Debian's kernel, for machines of kind `vm`. */
const kernelPackages = ['linux-image-cloud-amd64', 'initramfs-tools'];

const finishScript = join(import.meta.dirname, 'finish-image.sh');
const finishVmScript = join(import.meta.dirname, 'finish-vm-image.sh');
const weekMs = 7 * 86_400_000;

export interface ImageOptions {
  folder: string;
  release: Release;
  kind: 'container' | 'vm';
  authority: Authority;
  log: (line: string) => void;
  now: Date;
}

function keyOf({ release, kind, authority }: ImageOptions): string {
  const hash = createHash('sha256');
  for (const part of [release, kind, packages.join(), kernelPackages.join(), authority.certificate])
    hash.update(part);
  if (kind === 'vm') hash.update(readFileSync(finishVmScript));
  return hash.update(readFileSync(finishScript)).digest('hex').slice(0, 12);
}

/**
 * The root file system of a freshly installed Debian, as a folder that is only read (for a virtual machine a folder with
 * `disk.img`, `vmlinuz` and `initrd`): built from this computer's apt
 * sources at its first use (40 s), by one builder at a time, and again once a week for the upgrades since; an older
 * one serves when the archive can't be reached. Raises with the last words of what failed.
 */
export async function ensureImage(options: ImageOptions): Promise<string> {
  const { folder, release, kind, log, now } = options;
  const prefix = `${kind}-${release}-${keyOf(options)}-`;
  const week = Math.floor(now.getTime() / weekMs);
  const target = join(folder, `${prefix}${week}`);
  const done = (path: string) => existsSync(join(path, 'complete'));
  if (!done(target)) {
    await withLock(join(folder, `${kind}-${release}.lock`), 15 * 60_000, async () => {
      if (done(target)) return;
      await build(options, target).catch((error: unknown) => {
        rmSync(`${target}.new`, { recursive: true, force: true });
        const older = findOlder(folder, prefix, done);
        if (!older) throw error;
        log(`the archive could not be used (${String(error).slice(0, 200)}); an older image serves`);
      });
    });
  }
  const image = done(target) ? target : findOlder(folder, prefix, done);
  if (!image) throw new Error('The image was removed while it was waited for.');
  // Marks the use: an image that nobody used for two weeks is removed by the next build.
  utimesSync(join(image, 'complete'), now, now);
  return kind === 'vm' ? image : join(image, 'root');
}

function findOlder(folder: string, prefix: string, done: (path: string) => boolean): string | undefined {
  const weekOf = (name: string) => Number(name.slice(prefix.length));
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && done(join(folder, name)))
    .sort((a, b) => weekOf(b) - weekOf(a))
    .map((name) => join(folder, name))[0];
}

async function build(options: ImageOptions, target: string): Promise<void> {
  const { folder, release, kind, authority, log, now } = options;
  await ensureHostPackages({ mmdebstrap: 'mmdebstrap' }, log);
  const archives = hostArchives();
  if (!archives) throw new Error("This computer's apt knows no Debian archive.");
  log(`building the image of Debian ${release} (${kind})`);
  const fresh = `${target}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const root = join(fresh, 'root');
  const names = kind === 'vm' ? [...packages, ...kernelPackages] : packages;
  const { main, security } = archives;
  const lean = ['man', 'doc'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  // Only what the virtual disk needs: a small initramfs is unpacked in seconds, also by an emulated processor.
  const initramfs =
    'mkdir -p "$1/etc/initramfs-tools/conf.d"; echo MODULES=list >"$1/etc/initramfs-tools/conf.d/lab"; ' +
    'printf "virtio_pci\\nvirtio_blk\\next4\\n" >"$1/etc/initramfs-tools/modules"';
  const hooks = kind === 'vm' ? [`--setup-hook=${initramfs}`] : [];
  const suites = [
    `deb ${main} ${release} main`,
    `deb ${main} ${release}-updates main`,
    `deb ${security} ${release}-security main`,
  ];
  await mustRun(
    [
      'mmdebstrap',
      '--quiet',
      '--mode=root',
      '--variant=minbase',
      `--include=${names.join()}`,
      ...lean,
      ...hooks,
      release,
      root,
      ...suites,
    ],
    { timeoutMs: 12 * 60_000 },
  );
  await mustRun(['sh', finishScript, root, kind], { input: authority.certificate, timeoutMs: 120_000 });
  if (kind === 'vm') {
    // The kernel and its initramfs lie beside the disk: this computer's emulator starts them without a boot loader.
    await mustRun(['sh', finishVmScript, root, fresh], { timeoutMs: 300_000 });
  }
  await mustRun(['touch', join(fresh, 'complete')]);
  rmSync(target, { recursive: true, force: true });
  renameSync(fresh, target);
  for (const name of readdirSync(folder)) {
    const mark = join(folder, name, 'complete');
    if (existsSync(mark) && statSync(mark).mtimeMs < now.getTime() - 2 * weekMs) {
      rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
}
