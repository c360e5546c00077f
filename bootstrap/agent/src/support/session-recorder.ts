import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { GrantId } from '@claw-cloud/contracts';
import type { SessionEnvironment } from '../env.ts';
import { writePrivate } from '../private-file.ts';
import { castEvent, castHeader } from './asciicast.ts';
import { readGrant, type SessionMeta, sessionsPerGrant } from './kept-grants.ts';
import { placesOf, supportUser } from './places.ts';

export interface RecorderOptions {
  rootState: string;
  grantId: string;
  session: SessionEnvironment;
  now?: () => Date;
}

/** A session whose recording is full ends: nothing happens unrecorded. */
export const recordingLimitBytes = 32 * 1024 * 1024;

/** Nobody but root can write to the recorder's files, and a session without root can't become root again. */
const asSupportUser = [
  'setpriv',
  `--reuid=${supportUser}`,
  `--regid=${supportUser}`,
  '--init-groups',
  '--no-new-privs',
  '--inh-caps=-all',
  '--bounding-set=-all',
  '--',
];

/** The program of a session and its environment; the command itself goes along as a variable, never into a line. */
function shellOf(
  root: boolean,
  command: string | null,
  term: string,
): { argv: string[]; env: NodeJS.ProcessEnv } {
  const user = root ? 'root' : supportUser;
  const home = root ? '/root' : '/';
  return {
    argv: [
      ...(root ? [] : asSupportUser),
      '/bin/bash',
      '-l',
      ...(command === null ? [] : ['-c', 'eval "$CLAW_COMMAND"']),
    ],
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      LANG: 'C.UTF-8',
      HOME: home,
      USER: user,
      LOGNAME: user,
      SHELL: '/bin/bash',
      TERM: term,
      ...(command === null ? {} : { CLAW_COMMAND: command }),
    },
  };
}

const ended = (child: ChildProcess): Promise<number> =>
  new Promise((resolve) => {
    child.once('error', () => resolve(127));
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });

/** A session at a terminal: util-linux's `script` has the terminal, and writes down what passes. */
function recordTerminal(folder: string, argv: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const file = (name: string) => join(folder, name);
  const child = spawn(
    'script',
    [
      '--quiet',
      '--flush',
      '--return',
      `--log-io=${file('io')}`,
      `--log-timing=${file('timing')}`,
      '--logging-format=advanced',
      `--output-limit=${recordingLimitBytes}`,
      // Every word is a constant of this file.
      `--command=exec ${argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')}`,
    ],
    { stdio: 'inherit', cwd: '/', env: { ...env, SHELL: '/bin/sh' } },
  );
  return ended(child);
}

/** A command without a terminal: its three streams pass through here, byte by byte, and are written down as text. */
function recordPipes(
  folder: string,
  start: SessionMeta,
  argv: string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const cast = openSync(join(folder, 'events.cast'), 'wx', 0o600);
  const startedAt = performance.now();
  let bytes = 0;
  const write = (text: string): void => {
    bytes += Buffer.byteLength(text);
    writeSync(cast, text);
  };
  write(castHeader(start));
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { stdio: 'pipe', cwd: '/', env });
  const note = (kind: 'i' | 'o') => {
    const decoder = new StringDecoder('utf8');
    return (chunk: Buffer): void => {
      if (bytes > recordingLimitBytes) return void child.kill('SIGKILL');
      const text = decoder.write(chunk);
      if (text !== '') write(castEvent((performance.now() - startedAt) / 1000, kind, text));
    };
  };
  const output = note('o');
  process.stdin.on('data', note('i'));
  child.stdout.on('data', output);
  child.stderr.on('data', output);
  process.stdin.pipe(child.stdin);
  child.stdout.pipe(process.stdout);
  child.stderr.pipe(process.stderr);
  for (const stream of [process.stdin, process.stdout, process.stderr, child.stdin])
    stream.on('error', () => undefined);
  return ended(child).finally(() => closeSync(cast));
}

const sessionName = (now: Date): string =>
  `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').toLowerCase()}-${process.pid}`;

/**
 * What every login of a grant runs, as root, in place of a shell: gives the session to the user the owner granted, and
 * writes down what is typed and shown, where that user can't reach it. Resolves with the exit code of the session.
 */
export async function recordSession({
  rootState,
  grantId,
  session,
  now = () => new Date(),
}: RecorderOptions): Promise<number> {
  const grant = GrantId.safeParse(grantId).success ? readGrant(rootState, grantId, now()) : null;
  if (!grant || grant.endedAt !== null) {
    process.stderr.write('This support access has ended.\n');
    return 1;
  }
  const places = placesOf(rootState, grantId);
  if (readdirSync(places.sessions).length >= sessionsPerGrant) {
    process.stderr.write('This grant has had as many sessions as one may have.\n');
    return 1;
  }
  const { command, term } = session;
  const terminal = process.stdin.isTTY === true;
  const name = sessionName(now());
  const folder = join(places.sessions, name);
  mkdirSync(folder, { mode: 0o700 });
  const start: SessionMeta = {
    startedAt: now().toISOString(),
    command: command === null ? null : command.slice(0, 4000),
    user: grant.root ? 'root' : supportUser,
    columns: process.stdout.columns || 80,
    rows: process.stdout.rows || 24,
    term,
    terminal,
    pid: process.pid,
  };
  writePrivate(join(folder, 'session.json'), JSON.stringify(start));
  const mark = join(places.terminals, name);
  writeFileSync(mark, terminal ? realpathSync('/proc/self/fd/0') : '/dev/null', { mode: 0o600 });
  // The terminal's end reaches the session by itself; this process stays to note it.
  for (const signal of ['SIGHUP', 'SIGTERM', 'SIGINT'] as const) process.on(signal, () => undefined);
  try {
    if (terminal)
      process.stdout.write(
        `This session is recorded, and its owner can replay it. It ends at ${grant.endsAt.slice(0, 16).replace('T', ' ')} UTC.\r\n`,
      );
    const { argv, env } = shellOf(grant.root, command, term);
    return await (terminal ? recordTerminal(folder, argv, env) : recordPipes(folder, start, argv, env));
  } finally {
    rmSync(mark, { force: true });
  }
}
