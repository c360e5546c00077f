import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A system account, as spawn() takes it. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const accountName = 'claw-postgres';
// `nobody` comes second: it exists everywhere, but other programs may use it too.
const preferred = [accountName, 'postgres', 'nobody'];

/**
 * The account Postgres runs as. Postgres refuses to run as root, so under root an existing system account is taken, or
 * one is made; undefined means: as ourselves. The account needs a line in the password file, which initdb looks up.
 */
export async function postgresAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const found = await lookUp();
  if (found) return found;
  await promisify(execFile)(
    'useradd',
    ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin', accountName],
    {
      timeout: 10_000,
    },
  );
  const made = await lookUp();
  if (made) return made;
  throw new Error(
    `Postgres can't run as root, and no other account could be made. Create one: useradd -r ${accountName}`,
  );
}

async function lookUp(): Promise<Account | undefined> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of preferred) {
    const [, , uid, gid] = lines.find((fields) => fields[0] === name) ?? [];
    if (Number(uid) > 0 && Number(gid) > 0) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}
