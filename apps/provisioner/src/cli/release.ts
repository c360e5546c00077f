import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ProductError, type Rollout } from '@claw-cloud/contracts';
import { haltRollout, listRollouts, publishRelease, resumeRollout } from '@claw-cloud/core/rollout';
import { createDatabase } from '@claw-cloud/db';
import { readDatabaseConfig } from '../env.ts';

const usage = `node apps/provisioner/src/cli/release.ts <command>

Which OpenClaw is offered to whom. Needs the SUPABASE_… settings.
  publish <version> --integrity sha512-… --changelog <file.md> [--released-at <ISO 8601>] [--stage 1|10|100]
           makes a release known and offers it to 1 % (or --stage) of the instances first; again with another
           changelog mends the changelog
  show     every rollout: its stage, its state, what came of the updates
  halt <version> --reason <text>
  resume <version> [--stage 1|10|100]    what failed before counts no more

npm view openclaw@<version> dist.integrity prints the integrity of a version.`;

const print = (text: string) => process.stdout.write(`${text}\n`);
const inOneLine = ({ version, stage, state, succeeded, failed, reason, stageAt }: Rollout) =>
  `${version}  ${state} at ${stage} % since ${stageAt}  ${succeeded} succeeded, ${failed} failed${reason === null ? '' : `  ${reason}`}`;

try {
  const {
    values,
    positionals: [command, version],
  } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean' },
      integrity: { type: 'string' },
      changelog: { type: 'string' },
      'released-at': { type: 'string' },
      stage: { type: 'string' },
      reason: { type: 'string' },
    },
  });
  if (values.help || command === undefined) {
    print(usage);
    process.exit(values.help ? 0 : 2);
  }
  const context = { db: createDatabase(readDatabaseConfig()) };
  if (command === 'publish') {
    const release = {
      version,
      integrity: values.integrity,
      changelog: values.changelog === undefined ? undefined : readFileSync(values.changelog, 'utf8'),
      releasedAt: values['released-at'] ?? new Date().toISOString(),
    };
    const made = await publishRelease(context, { release, stage: values.stage });
    print(
      made
        ? `${version} is offered to ${values.stage ?? 1} % of the instances`
        : 'known; its changelog was replaced',
    );
  } else if (command === 'halt') await haltRollout(context, { version, reason: values.reason });
  else if (command === 'resume') await resumeRollout(context, { version, stage: values.stage });
  else if (command !== 'show')
    throw new ProductError('invalid_request', `There is no command “${command}”.`, usage);
  for (const rollout of await listRollouts(context)) print(inOneLine(rollout));
  process.exit(0);
} catch (error) {
  const fix = error instanceof ProductError ? `\n${error.fix}` : '';
  process.stderr.write(`${error instanceof Error ? error.message : 'that did not work'}${fix}\n`);
  process.exit(1);
}
