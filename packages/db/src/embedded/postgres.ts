import { spawn } from 'node:child_process';
import { chown, open, readFile, readlink, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import postgres from 'postgres';
import type { Account } from './account.ts';
import { makePrivate } from './place.ts';
import { freePort } from './ports.ts';

export interface PostgresOptions {
  /** Folder of the binaries. */
  readonly root: string;
  /** Folder below which the data folder `data` and the log lie. */
  readonly place: string;
  readonly account: Account | undefined;
  readonly password: string;
  /** The port to use if it is free; 0 for any. */
  readonly port: number;
  /** False only for throw-away databases: a crash of the computer may lose them. */
  readonly durable: boolean;
}

export interface RunningPostgres {
  readonly port: number;
  readonly adopted: boolean;
  stop(): Promise<void>;
}

const logLimitBytes = 4 * 1024 * 1024;

// A laptop's worth of memory. Statements and their parameters never reach the log: they may hold ciphertext and names.
const settings = (durable: boolean): string => `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
shared_buffers = 32MB
work_mem = 4MB
maintenance_work_mem = 32MB
wal_level = minimal
max_wal_senders = 0
max_wal_size = 256MB
min_wal_size = ${durable ? 32 : 8}MB
autovacuum_naptime = 5min
log_min_messages = fatal
log_min_error_statement = panic
log_statement = 'none'
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_checkpoints = off
log_connections = ''
fsync = ${durable ? 'on' : 'off'}
synchronous_commit = ${durable ? 'on' : 'off'}
full_page_writes = ${durable ? 'on' : 'off'}
`;

/** Starts Postgres on its data folder, made when absent; takes over one that a killed process left running. */
export async function runPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const data = join(options.place, 'data');
  if (!(await readable(join(data, 'PG_VERSION')))) await initialise(options, data);
  const alive = await findRunning(options, data);
  const port = alive ?? (await start(options, data));
  const log = join(options.place, 'postgres.log');
  const guard = setInterval(() => void boundLog(log), 60_000);
  guard.unref();
  return {
    port,
    adopted: alive !== undefined,
    stop: async () => {
      clearInterval(guard);
      const { code, output } = await run(options, 'pg_ctl', [
        '-D',
        data,
        '-m',
        'fast',
        '-w',
        '-t',
        '30',
        'stop',
      ]);
      if (code !== 0 && (await findRunning(options, data)) !== undefined)
        throw new Error(`Postgres didn't stop: ${output}`);
    },
  };
}

async function initialise(options: PostgresOptions, data: string): Promise<void> {
  const fresh = `${data}.new`;
  const passwordFile = join(options.place, `.password-${process.pid}`);
  await rm(fresh, { recursive: true, force: true });
  await makePrivate(fresh, options.account);
  await writeFile(passwordFile, options.password, { mode: 0o600 });
  try {
    if (options.account) await chown(passwordFile, options.account.uid, options.account.gid);
    const flags = [
      '-D',
      fresh,
      '-U',
      'postgres',
      '-A',
      'scram-sha-256',
      '--pwfile',
      passwordFile,
      '--encoding=UTF8',
    ];
    const locale = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', '--wal-segsize=4'];
    const { code, output } = await run(options, 'initdb', [
      ...flags,
      ...locale,
      ...(options.durable ? [] : ['-N']),
    ]);
    if (code !== 0) throw new Error(`initdb failed: ${output}`);
    const file = await open(join(fresh, 'postgresql.conf'), 'a');
    await file.appendFile("\ninclude 'claw.conf'\n");
    await file.close();
    await writeSettings(options, fresh);
    // Only a finished folder bears the name.
    await rename(fresh, data);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function start(options: PostgresOptions, data: string): Promise<number> {
  await writeSettings(options, data);
  await removeStaleLock(data);
  const log = join(options.place, 'postgres.log');
  await writeFile(log, '', { mode: 0o600 });
  if (options.account) await chown(log, options.account.uid, options.account.gid);
  let last = '';
  // A port may be taken between looking and listening, and the backends of a killed Postgres take a moment to go.
  for (let attempt = 0; attempt < 5; attempt++) {
    const port = await freePort(attempt === 0 ? options.port : 0);
    const flags = ['-D', data, '-w', '-t', '60', '-l', log, '-o', `-p ${port}`, 'start'];
    const { code, output } = await run(options, 'pg_ctl', flags);
    if (code === 0) return port;
    last = `${output}\n${(await readFile(log, 'utf8')).slice(-1000)}`;
    await new Promise((resolve) => setTimeout(resolve, 300 * (attempt + 1)));
  }
  throw new Error(`Postgres didn't start: ${last}`);
}

async function writeSettings(options: PostgresOptions, data: string): Promise<void> {
  const file = join(data, 'claw.conf');
  await writeFile(file, settings(options.durable), { mode: 0o600 });
  if (options.account) await chown(file, options.account.uid, options.account.gid);
}

/** The port of a Postgres that already runs on this data folder. */
async function findRunning(options: PostgresOptions, data: string): Promise<number | undefined> {
  const [pid, , , port] = (await readable(join(data, 'postmaster.pid')))?.split('\n') ?? [];
  if (!pid || !port || !isAlive(Number(pid))) return undefined;
  const url = `postgres://postgres:${options.password}@127.0.0.1:${Number(port)}/postgres`;
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    const [row] = await sql`select current_setting('data_directory') as dir`;
    return row?.dir === data ? Number(port) : undefined;
  } catch {
    return undefined;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** After a reboot another program may have the number that the lock file names; Postgres would refuse to start. */
async function removeStaleLock(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid');
  const pid = Number((await readable(file))?.split('\n')[0]);
  if (!pid) return;
  if (!isAlive(pid)) return rm(file, { force: true });
  // Postgres works inside its data folder. Where /proc is missing, the lock is left to Postgres itself.
  const workingFolder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  if (workingFolder !== undefined && workingFolder !== data) await rm(file, { force: true });
}

async function boundLog(log: string): Promise<void> {
  const size = await stat(log).then(
    (found) => found.size,
    () => 0,
  );
  // It is written in append mode: cutting it off is safe.
  if (size > logLimitBytes) await truncate(log).catch(() => {});
}

/** Runs one of the binaries as the account, with an environment of its own. */
function run(
  options: PostgresOptions,
  program: string,
  flags: string[],
): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(options.root, 'bin', program), flags, {
      ...(options.account ?? {}),
      cwd: options.place,
      env: { LD_LIBRARY_PATH: join(options.root, 'lib'), LC_ALL: 'C', PATH: '/usr/bin:/bin' },
      // Postgres inherits these: as pipes they would stay open for as long as it runs.
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 120_000,
    });
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4000);
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      child.stderr.destroy();
      resolve({ code: code ?? 1, output: output.trim() });
    });
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const readable = (file: string): Promise<string | undefined> => readFile(file, 'utf8').catch(() => undefined);
