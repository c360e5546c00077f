import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { programEnvironment } from './env.ts';
import { hostArchives } from './host-packages.ts';

function works(...argv: string[]): boolean {
  return (
    spawnSync(argv[0]!, argv.slice(1), { stdio: 'ignore', timeout: 10_000, env: programEnvironment() })
      .status === 0
  );
}

/** Null when machines can be booted here, else one sentence that names what is missing and what to do. */
export function whyNoLab(): string | null {
  const so = (what: string, fix: string) => `Machines can't be booted here: ${what}. ${fix}`;
  if (process.platform !== 'linux')
    return so('this is not Linux', 'Use a Debian or Ubuntu computer, or a virtual machine.');
  if (process.getuid?.() !== 0)
    return so(
      'this process is not root',
      'Run the same command with sudo, or as root in a container that may mount.',
    );
  if (!works('apt-get', '--version') || !hostArchives()) {
    return so(
      "this computer's apt knows no Debian archive",
      'Use Debian, or add one to /etc/apt/sources.list.d.',
    );
  }
  for (const [program, name] of [
    ['ip', 'iproute2'],
    ['nsenter', 'util-linux'],
    ['flock', 'util-linux'],
    ['openssl', 'openssl'],
  ]) {
    if (!works('sh', '-c', `command -v ${program}`))
      return so(`there is no '${program}'`, `Install it: apt-get install ${name}.`);
  }
  if (!readFileSync('/proc/filesystems', 'utf8').includes('overlay')) {
    return so('the kernel has no overlayfs', 'Load it (modprobe overlay), or use a kernel that has it.');
  }
  if (!/ cgroup2 \S*\brw\b/.test(readFileSync('/proc/mounts', 'utf8'))) {
    return so(
      'no writable cgroup2 tree is mounted',
      'In a container: run it privileged, with its own control groups.',
    );
  }
  if (
    !works(
      'unshare',
      '--net',
      '--mount',
      '--pid',
      '--fork',
      'ip',
      'link',
      'add',
      'v0',
      'type',
      'veth',
      'peer',
      'name',
      'v1',
    )
  ) {
    return so(
      'network namespaces or virtual cables are refused',
      'In a container: run it privileged (CAP_SYS_ADMIN, CAP_NET_ADMIN).',
    );
  }
  return null;
}
