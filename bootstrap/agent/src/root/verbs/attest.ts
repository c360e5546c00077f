import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { AttestStatement } from '@claw-cloud/contracts';
import { z } from 'zod';
import { installedIntegrity } from '../../../install/lockfile.ts';
import type { Paths } from '../../paths.ts';
import { liveFolder } from '../../support/places.ts';
import { type RootContext, rootVerb } from '../verb.ts';

/** What root sees of the machine; the agent adds what it alone knows. */
const Seen = AttestStatement.omit({
  v: true,
  instanceId: true,
  nonce: true,
  at: true,
  agent: true,
  node: true,
  grants: true,
});
type Seen = z.infer<typeof Seen>;

const readOr = <T>(path: string, read: (text: string) => T, otherwise: T): T => {
  try {
    return read(readFileSync(path, 'utf8'));
  } catch {
    return otherwise;
  }
};

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');
const firstWords = (text: string): string[] => linesOf(text).map((line) => line.trim().split(/\s+/)[0] ?? '');

/** The version in use, and npm's integrity of it by the lockfile it was installed by. */
export function openclawInUse(paths: Pick<Paths, 'openclawCurrent'>): Seen['openclaw'] {
  const Manifest = z.object({ version: z.string() });
  try {
    const folder = realpathSync(paths.openclawCurrent);
    const manifest = readFileSync(join(folder, 'package.json'), 'utf8');
    const lock = readOr(join(folder, '../../package-lock.json'), installedIntegrity, null);
    return { version: Manifest.parse(JSON.parse(manifest)).version, integrity: lock };
  } catch {
    return { version: null, integrity: null };
  }
}

/** Listening sockets, of `ss -H -tulpn`; `unitOf` names the unit of a process, which says more than its own name. */
export function parseSockets(text: string, unitOf: (pid: number) => string | null): Seen['sockets'] {
  return linesOf(text)
    .slice(0, 200)
    .map((line) => {
      const [protocol = '', , , , local = ''] = line.trim().split(/\s+/);
      const [, name = '', pid = '0'] = /users:\(\("([^"]{1,40})",pid=(\d+)/.exec(line) ?? [];
      return { protocol, local, process: unitOf(Number(pid)) ?? name };
    });
}

const unitOf = (pid: number): string | null =>
  readOr(
    `/proc/${pid}/cgroup`,
    (text) => /([^/\n]+\.(service|socket|scope))\s*$/m.exec(text)?.[1] ?? null,
    null,
  );

const noShells = /\/(nologin|false|sync|shutdown|halt)$/;

/** Users that could have a shell, and their home folders, of passwd lines. */
export const parseShells = (text: string): { user: string; home: string }[] =>
  linesOf(text)
    .map((line) => line.split(':'))
    .filter(([, , , , , , shell]) => shell !== undefined && shell !== '' && !noShells.test(shell))
    .map(([user = '', , , , , home = '']) => ({ user, home }));

/** What comes in when no rule says otherwise, of `nft -j list ruleset`. */
export function parseInbound(text: string): 'drop' | 'other' {
  const Chain = z.object({ chain: z.object({ hook: z.literal('input'), policy: z.literal('drop') }) });
  return readJson(
    text,
    (value) => z.object({ nftables: z.array(z.unknown()) }).parse(value).nftables,
    [],
  ).some((item) => Chain.safeParse(item).success)
    ? 'drop'
    : 'other';
}

function readJson<T>(text: string, read: (value: unknown) => T, otherwise: T): T {
  try {
    return read(JSON.parse(text));
  } catch {
    return otherwise;
  }
}

async function keysOf(
  files: { user: string; path: string }[],
  { run }: RootContext,
): Promise<Seen['authorisedKeys']> {
  const keys: Seen['authorisedKeys'] = [];
  for (const { user, path } of files) {
    if (!existsSync(path)) continue;
    const { stdout } = await run(['ssh-keygen', '-l', '-f', path]);
    for (const [, fingerprint = ''] of stdout.matchAll(/^\d+ (SHA256:\S+)/gm))
      keys.push({ user, fingerprint });
    // A file that can't be read is no reason to claim that there is no key in it.
    if (stdout === '' && statSync(path).size > 0) keys.push({ user, fingerprint: 'unreadable' });
  }
  return keys.slice(0, 100);
}

async function sshdState({ run }: RootContext): Promise<Seen['sshd']> {
  const units = ['ssh.service', 'ssh.socket', 'sshd.service'];
  const active = await Promise.all(units.map((unit) => run(['systemctl', 'is-active', '--quiet', unit])));
  if (active.some(({ code }) => code === 0)) return 'active';
  if (!existsSync('/usr/sbin/sshd')) return 'absent';
  const { stdout } = await run(['systemctl', 'is-enabled', 'ssh.service']);
  return stdout.trim() === 'masked' ? 'masked' : 'inactive';
}

/** Looks the machine over, as it is at this moment. */
export const attestCollect = rootVerb({
  params: z.object({}),
  result: Seen,
  limitMs: 60_000,
  async work(_, context) {
    const { paths, run } = context;
    const output = async (...argv: string[]): Promise<string> =>
      (await run(argv, { timeoutMs: 20_000 })).stdout;
    const users = parseShells(await output('getent', 'passwd'));
    const live = existsSync(liveFolder)
      ? readdirSync(liveFolder).filter((name) => name.startsWith('grt_'))
      : [];
    const keyFiles = [
      ...users.flatMap(({ user, home }) =>
        ['authorized_keys', 'authorized_keys2'].map((name) => ({ user, path: join(home, '.ssh', name) })),
      ),
      ...live.map((grant) => ({
        user: `support:${grant}`,
        path: join(liveFolder, grant, 'authorized_keys'),
      })),
    ];
    const stamp = statSync('/var/lib/apt/periodic/unattended-upgrades-stamp', { throwIfNoEntry: false });
    const ruleset = await output('nft', '-s', 'list', 'ruleset');
    const list = (kind: string): string[] => ['systemctl', kind, '--plain', '--no-legend', '--no-pager'];
    return {
      bootId: readOr('/proc/sys/kernel/random/boot_id', (text) => text.trim(), ''),
      os: readOr('/etc/os-release', (text) => /^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1] ?? '', ''),
      kernel: release(),
      openclaw: openclawInUse(paths),
      sockets: parseSockets(await output('ss', '-H', '-tulpn'), unitOf),
      usersWithShell: users.map(({ user }) => user).slice(0, 100),
      authorisedKeys: await keysOf(keyFiles, context),
      timers: firstWords(await output(...list('list-units'), '--all', '--type=timer')).slice(0, 100),
      enabledUnits: firstWords(await output(...list('list-unit-files'), '--state=enabled')).slice(0, 300),
      sshd: await sshdState(context),
      firewall: {
        sha256: createHash('sha256').update(ruleset).digest('hex'),
        inbound: parseInbound(await output('nft', '-j', 'list', 'ruleset')),
      },
      lastUpgradeAt: stamp ? stamp.mtime.toISOString() : null,
      rebootRequired: existsSync('/run/reboot-required'),
    };
  },
});
