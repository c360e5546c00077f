import { chownSync, existsSync, mkdirSync, readdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { ProductError } from '@claw-cloud/contracts';
import { openclawUser, ownerOf, type UpdateTools } from './tools.ts';

/** What OpenClaw makes again by itself, below its folder. */
const remade = new Set(['logs', 'tmp', 'state/cache', 'state/tmp']);
const copyLimitMs = 10 * 60_000;
const spareBytes = 256 * 2 ** 20;

/** Makes the folder of everything kept beside OpenClaw's own: others may pass, and neither list it nor add to it. */
export function makeKept({ folders }: Pick<UpdateTools, 'folders'>): void {
  mkdirSync(folders.kept, { recursive: true, mode: 0o711 });
}

/** Makes an empty folder for a state: OpenClaw's user writes in it, and root alone names, moves and removes it. */
export function makeStateFolder(tools: Pick<UpdateTools, 'folders'>, name: string): string {
  const { folders } = tools;
  makeKept(tools);
  const folder = join(folders.kept, name);
  mkdirSync(folder, { mode: 0o700 });
  const { uid, gid } = ownerOf(folders.live);
  chownSync(folder, uid, gid);
  return folder;
}

/**
 * Copies OpenClaw's whole state, as OpenClaw's user, so that no link in it leads root anywhere. Nothing may write to it
 * meanwhile.
 */
export async function copyState(tools: UpdateTools, to: string): Promise<void> {
  const { folders, must } = tools;
  const copy = async (below: string): Promise<void> => {
    const from = join(folders.live, below);
    const names = readdirSync(from).filter((name) => {
      const path = below === '' ? name : `${below}/${name}`;
      return path !== 'state' && !remade.has(path);
    });
    if (names.length === 0) return;
    await must(
      [
        'cp',
        '-a',
        '--reflink=auto',
        '--one-file-system',
        '-t',
        join(to, below),
        '--',
        ...names.map((name) => join(from, name)),
      ],
      { user: openclawUser, timeoutMs: copyLimitMs },
    );
  };
  await completeState(tools, to);
  await copy('');
  if (existsSync(join(folders.live, 'state'))) await copy('state');
}

/** The folders OpenClaw's unit counts on. */
export async function completeState({ must }: UpdateTools, folder: string): Promise<void> {
  const wanted = ['state', 'home', 'logs', 'tmp'].map((name) => join(folder, name));
  await must(['mkdir', '-p', '-m', '0700', '--', ...wanted], { user: openclawUser });
}

/** Removes folders below `kept` by name; what can't be removed now is forgotten, and tried again later. */
export async function discard({ folders, run, log }: UpdateTools, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const paths = names.map((name) => join(folders.kept, name));
  const { code, stderr } = await run(['rm', '-rf', '--one-file-system', '--', ...paths], {
    timeoutMs: 5 * 60_000,
  });
  if (code !== 0) log(`states set aside were not removed: ${stderr.slice(-300)}`);
}

/** Raises `disk_full` unless there is room for `copies` copies of the state and `more` bytes. */
export async function needRoom(tools: UpdateTools, copies: number, more: number): Promise<void> {
  const { folders, run } = tools;
  const { stdout } = await run(['du', '-s', '-B1', '--one-file-system', '--', folders.live], {
    user: openclawUser,
    timeoutMs: 120_000,
  });
  const state = Number(/^\d+/.exec(stdout)?.[0] ?? 0);
  const needed = copies * state + more + spareBytes;
  const disk = statfsSync(folders.live);
  const free = disk.bavail * disk.bsize;
  if (free >= needed) return;
  const mb = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  throw new ProductError(
    'disk_full',
    `This needs ${mb(needed)} MB of disk, and ${mb(free)} MB are free.`,
    'Delete backups or files of your assistant that you no longer need, or choose a larger disk at your cloud.',
  );
}
