import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ProductError, SshPublicKey } from '@claw-cloud/contracts';
import { z } from 'zod';
import { writePrivate } from '../../private-file.ts';
import { ejectScript, ejectUnit, ejectUnitText } from '../eject-script.ts';
import { rootVerb } from '../verb.ts';
import { ensureSshd, requireSshKey } from './ssh-daemon.ts';

const folder = '/var/lib/claw-eject';
const unitFile = `/etc/systemd/system/${ejectUnit}`;

/**
 * Gets everything ready for giving the machine to its owner, and changes nothing yet. Raises `invalid_request` for what
 * is no key.
 */
export const ejectPrepare = rootVerb({
  params: z.object({ publicKey: SshPublicKey }),
  result: z.object({ keyFingerprint: z.string().max(100) }),
  limitMs: 6 * 60_000,
  group: 'eject',
  async work({ publicKey }, context) {
    await ensureSshd(context);
    const { key, fingerprint } = await requireSshKey(publicKey, context);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writePrivate(join(folder, 'owner.pub'), `${key} owner\n`);
    writePrivate(join(folder, 'eject.sh'), ejectScript);
    return { keyFingerprint: fingerprint };
  },
});

/** Begins, and from here on it goes on by itself, over power cuts too. Raises `conflict` where nothing was prepared. */
export const ejectBegin = rootVerb({
  params: z.object({}),
  result: z.object({}),
  limitMs: 60_000,
  group: 'eject',
  async work(_, { must }) {
    if (!existsSync(join(folder, 'owner.pub')))
      throw new ProductError('conflict', 'The ejection was not prepared.', 'Begin again with your key.');
    writeFileSync(unitFile, ejectUnitText(folder), { mode: 0o644 });
    await must(['systemctl', 'daemon-reload']);
    await must(['systemctl', 'enable', '--quiet', ejectUnit]);
    await must(['sync']);
    await must(['systemctl', 'start', '--no-block', ejectUnit]);
    return {};
  },
});
