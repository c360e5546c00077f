import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GrantId, ProductError, SshPublicKey, supportMinutes, Timestamp } from '@claw-cloud/contracts';
import { z } from 'zod';
import { keepGrant, pruneGrants, readGrants } from '../../support/kept-grants.ts';
import { endScript, liveFolder, placesOf, supportUser, unitFolder } from '../../support/places.ts';
import {
  authorizedKeys,
  type DoorOptions,
  endScriptText,
  sshdConfig,
  unitFiles,
} from '../../support/texts.ts';
import { type RootContext, rootVerb } from '../verb.ts';
import { ensureSshd, requireSshKey } from './ssh-daemon.ts';

const liveAtOnce = 8;

/** Sessions run as this user: it may look at logs, and can't log in by itself. */
async function ensureSupportUser({ run, must }: RootContext): Promise<void> {
  if ((await run(['getent', 'passwd', supportUser])).code !== 0)
    await must([
      ...['useradd', '--system', '--user-group', '--no-create-home', '--home-dir=/nonexistent'],
      ...['--shell=/usr/sbin/nologin', '--groups=adm,systemd-journal', supportUser],
    ]);
  // `!` would keep the daemon from taking even a key for root. `*` is no password either, and none can match it.
  const [, password = ''] = (await must(['getent', 'shadow', 'root'])).split(':');
  if (password.startsWith('!')) await must(['usermod', '--password=*', 'root']);
}

async function ensureHostKey(folder: string, { must }: RootContext): Promise<string> {
  const file = join(folder, 'host_ed25519');
  if (!existsSync(`${file}.pub`)) {
    rmSync(file, { force: true });
    await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'claw-support', '-f', file]);
  }
  return file;
}

/**
 * Opens the door of a support grant: an SSH daemon of its own behind a unix socket that the agent alone may reach, for
 * one key and one time, whose end is systemd's. Raises `invalid_request` for what is no key, `rate_limited` with
 * too many grants at once.
 */
export const supportOpen = rootVerb({
  params: z.object({
    grantId: GrantId,
    name: z.string().min(1).max(60),
    publicKey: SshPublicKey,
    root: z.boolean(),
    seconds: z
      .number()
      .int()
      .min(1)
      .max(supportMinutes.most * 60),
  }),
  result: z.object({
    keyFingerprint: z.string().max(100),
    hostKey: z.string().max(1000),
    startsAt: Timestamp,
    endsAt: Timestamp,
  }),
  limitMs: 5 * 60_000,
  group: 'support',
  async work({ grantId, name, publicKey, root, seconds }, context) {
    const { paths, must, run, now, progress } = context;
    const places = placesOf(paths.rootState, grantId);
    if (existsSync(places.grantJson))
      throw new ProductError('conflict', 'There is a grant of this id already.', 'Grant again.');
    const live = readGrants(paths.rootState, now()).filter(({ endedAt }) => endedAt === null);
    if (live.length >= liveAtOnce)
      throw new ProductError(
        'rate_limited',
        `There are ${live.length} support grants at once, which is the most.`,
        'Revoke one that is no longer needed.',
      );
    progress('prepare', 'Preparing the SSH daemon');
    await ensureSshd(context);
    const { key, fingerprint } = await requireSshKey(publicKey, context);
    await ensureSupportUser(context);
    const folder = join(paths.rootState, 'support');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    pruneGrants(paths.rootState, now());
    const hostKey = await ensureHostKey(folder, context);

    const startsAt = now();
    const endsAt = new Date(startsAt.getTime() + seconds * 1000);
    const times = { startsAt: startsAt.toISOString(), endsAt: endsAt.toISOString() };
    const door: DoorOptions = {
      ...{ grantId, places, hostKey, publicKey: key, endsAt, seconds },
      recorder: { node: process.execPath, agent: paths.agentCurrent },
    };
    const files = unitFiles(door);
    // Others may pass through to the socket, and see nothing.
    mkdirSync(liveFolder, { recursive: true, mode: 0o711 });
    writeFileSync(endScript, endScriptText(paths.rootState), { mode: 0o700 });
    mkdirSync(places.live, { mode: 0o711 });
    try {
      // After the folder that shows it is live, or it would be taken for one that a reboot has ended.
      keepGrant(paths.rootState, { id: grantId, name, keyFingerprint: fingerprint, root, ...times });
      mkdirSync(places.terminals, { mode: 0o700 });
      mkdirSync(unitFolder, { recursive: true });
      writeFileSync(places.keys, authorizedKeys(door), { mode: 0o600 });
      writeFileSync(places.config, sshdConfig(door), { mode: 0o600 });
      for (const [file, text] of Object.entries(files)) writeFileSync(join(unitFolder, file), text);
      await must(['/usr/sbin/sshd', '-t', '-f', places.config]);
      await must(['systemctl', 'daemon-reload']);
      // The end before the beginning: no door stands open that nothing closes.
      await must(['systemctl', 'start', ...Object.keys(files).filter((file) => file.endsWith('.timer'))]);
      await must(['systemctl', 'start', places.units.socket]);
    } catch (error) {
      await run(['/bin/sh', endScript, grantId, 'revoked']);
      throw error;
    }
    return { keyFingerprint: fingerprint, hostKey: readFileSync(`${hostKey}.pub`, 'utf8').trim(), ...times };
  },
});
