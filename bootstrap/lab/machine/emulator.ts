import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ensureHostPackages, hostArchives } from '../host-packages.ts';
import { withLock } from '../lock.ts';
import { mustRun } from '../program.ts';

/** QEMU of Debian 13 in a folder of its own. Debian 12's corrupts its guests when it emulates their processor. */
export interface Emulator {
  /** A command line that runs one of its programs, with the libraries it was built for. */
  command(program: string, ...args: string[]): string[];
  env: Record<string, string>;
  folder: string;
}

const packages = 'qemu-system-x86,qemu-utils,genisoimage';
const triplet = 'x86_64-linux-gnu';

/** Unpacks it at its first use (20 s, 260 MB). Raises with the last words of what failed. */
export async function ensureEmulator(cache: string, log: (line: string) => void): Promise<Emulator> {
  const folder = join(cache, 'qemu-trixie');
  await withLock(`${folder}.lock`, 600_000, async () => {
    if (existsSync(folder)) return;
    await ensureHostPackages({ mmdebstrap: 'mmdebstrap' }, log);
    const archives = hostArchives();
    if (!archives) throw new Error("This computer's apt knows no Debian archive.");
    log('unpacking QEMU');
    const fresh = `${folder}.new`;
    rmSync(fresh, { recursive: true, force: true });
    const lean = '--dpkgopt=path-exclude=/usr/share/doc/*';
    const source = `deb ${archives.main} trixie main`;
    await mustRun(
      [
        'mmdebstrap',
        '--quiet',
        '--mode=root',
        '--variant=minbase',
        `--include=${packages}`,
        lean,
        'trixie',
        fresh,
        source,
      ],
      { timeoutMs: 600_000 },
    );
    renameSync(fresh, folder);
  });
  return {
    folder,
    command: (program, ...args) => [
      `${folder}/lib64/ld-linux-x86-64.so.2`,
      '--library-path',
      `${folder}/usr/lib/${triplet}`,
      `${folder}/usr/bin/${program}`,
      ...args,
    ],
    env: { QEMU_MODULE_DIR: `${folder}/usr/lib/${triplet}/qemu` },
  };
}

/**
 * A folder of this computer as a read-only disk, made at its first use and kept by its name and last change.
 */
export async function diskOfFolder(cache: string, name: string, source: string): Promise<string> {
  const changed = Math.floor(statSync(source).mtimeMs);
  const file = join(cache, 'disks', `${name}-${changed}.img`);
  mkdirSync(join(cache, 'disks'), { recursive: true });
  await withLock(`${file}.lock`, 300_000, async () => {
    if (existsSync(file)) return;
    const kilobytes = Number((await mustRun(['du', '-sk', source], { timeoutMs: 120_000 })).split('\t')[0]);
    const size = `${Math.ceil(kilobytes * 1.3) + 65_536}k`;
    await mustRun(
      ['mkfs.ext4', '-q', '-O', '^has_journal', '-m', '0', '-N', '200000', '-d', source, `${file}.new`, size],
      {
        timeoutMs: 300_000,
      },
    );
    renameSync(`${file}.new`, file);
  });
  return file;
}
