import { parseArgs } from 'node:util';
import { ready } from '@claw-cloud/crypto';
import { createDatabase } from '@claw-cloud/db';
import { readRotationConfig } from '../env.ts';
import { loadKeyRing } from '../keys/key-source.ts';
import { addKekVersion, dropKekVersions } from '../rotate/kek-file.ts';
import { rotateKeys } from '../rotate/rotate.ts';

const usage = `node apps/provisioner/src/cli/rotate-keys.ts [--resume] [--drop-unused]

Wraps every data key with a new key-encryption key. No ciphertext is touched.
  KEK_FILE  a new version is added to the file first (not with --resume)
  KEK_KEYS  add the new version to every provisioner's environment before; then run this with it
  --resume       continue a rotation that was interrupted: adds no version
  --drop-unused  afterwards remove the versions that no row needs from KEK_FILE`;

const print = (text: string) => process.stdout.write(`${text}\n`);

try {
  const { values } = parseArgs({
    options: { help: { type: 'boolean' }, resume: { type: 'boolean' }, 'drop-unused': { type: 'boolean' } },
  });
  if (values.help) {
    print(usage);
    process.exit(0);
  }
  const { database, kek } = readRotationConfig();
  await ready();
  if (kek.kind === 'file' && !values.resume) print(`added version ${addKekVersion(kek)} to the key file`);
  const ring = loadKeyRing(kek);
  const db = createDatabase(database).provisioner;
  const count = await rotateKeys(db, ring, (done) => print(`${done} looked at`));
  const versions = Object.entries(count.byVersion).map(([version, rows]) => `version ${version}: ${rows}`);
  print(
    `${count.rewrapped} of ${count.total} data keys wrapped anew; ${versions.join(', ') || 'no secrets stored'}`,
  );
  if (values['drop-unused'] && kek.kind === 'file') {
    const dropped = dropKekVersions(kek, Object.keys(count.byVersion));
    print(
      dropped.length > 0
        ? `removed version ${dropped.join(', ')} from the key file`
        : 'every version is in use',
    );
  }
  ring.wipe();
  process.exit(Object.keys(count.byVersion).every((version) => Number(version) === ring.current) ? 0 : 1);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'rotation failed'}\n`);
  process.exit(1);
}
