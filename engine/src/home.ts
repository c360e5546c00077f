import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Origin, placeOf } from './manifest.ts';
import type { Piece } from './pieces.ts';

/**
 * The PULUMI_HOME that holds exactly these plugins. Where stand-ins serve, it is one of links, and there is one for each
 * state of their sources: an engine that is running keeps the plugins it started with.
 */
export async function homeOf(
  engineDir: string,
  plugins: readonly { piece: Piece; origin: Origin }[],
): Promise<string> {
  if (plugins.every(({ origin }) => origin !== 'stand-in')) return join(engineDir, 'home');
  const programs = plugins.map(({ piece, origin }) => ({
    folder: `resource-${piece.id}-v${piece.version}`,
    name: piece.executable,
    path: join(engineDir, placeOf(piece, origin).target, piece.executable),
  }));
  const key = createHash('sha256').update(JSON.stringify(programs)).digest('hex').slice(0, 16);
  const home = join(engineDir, `home-${key}`);
  if (await isFolder(home)) return home;
  const draft = await mkdtemp(join(engineDir, 'draft-'));
  try {
    for (const { folder, name, path } of programs) {
      // The engine looks into folders only, so the link is the program and not its folder.
      await mkdir(join(draft, 'plugins', folder), { recursive: true });
      await symlink(path, join(draft, 'plugins', folder, name));
    }
    await rename(draft, home);
  } catch (error) {
    // Another process was faster.
    if (!(await isFolder(home))) throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return home;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
