import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Account } from './account.ts';

/** Where the data folder lies when the account of Postgres can't reach the asked one, e.g. below a home of mode 0700. */
const elsewhere = '/var/lib';

/**
 * The folder that holds the data, made when absent: below `dir`, or, when Postgres runs under an account that can't walk
 * there, below /var/lib with a pointer file left in `dir`.
 */
export async function placeFor(dir: string, account: Account | undefined): Promise<string> {
  const asked = resolve(dir);
  if (!account) {
    await mkdir(asked, { recursive: true, mode: 0o700 });
    return asked;
  }
  await makeWalkable(asked);
  const pointer = join(asked, 'data-location');
  const pointed = await readFile(pointer, 'utf8').catch(() => undefined);
  if (pointed) {
    await makeWalkable(pointed.trim());
    return pointed.trim();
  }
  if (await canWalk(asked, account)) return asked;
  const hash = createHash('sha256').update(asked).digest('hex').slice(0, 16);
  const place = join(elsewhere, `claw-cloud-${hash}`);
  await makeWalkable(place);
  await writeFile(pointer, `${place}\n`);
  return place;
}

/** Whether the account may enter the folder and every one above it. */
export async function canWalk(path: string, account: Account): Promise<boolean> {
  for (let at = resolve(path); ; at = dirname(at)) {
    const { mode, uid, gid } = await stat(at);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** Makes a private folder owned by the account. */
export async function makePrivate(path: string, account: Account | undefined): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  if (account) await chown(path, account.uid, account.gid);
}

async function makeWalkable(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o711 });
  if (!first) return;
  // The umask may have taken the bits away; folders that were there before stay as they are.
  for (let at = resolve(path); ; at = dirname(at)) {
    await chmod(at, 0o711);
    if (at === resolve(first)) return;
  }
}
