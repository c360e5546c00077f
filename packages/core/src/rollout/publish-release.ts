import { OpenClawRelease, RolloutStage } from '@claw-cloud/contracts';
import { z } from 'zod';
import type { VerbContext } from '../context.ts';
import { parse } from '../parse.ts';

/** As npm writes versions. */
const version = z.string().regex(/^[0-9A-Za-z][0-9A-Za-z.+-]{0,39}$/, 'must be a version as npm writes it');
/** An instance takes an offer of at most 64 KiB. */
const changelogLimitBytes = 48 * 1024;
const changelog = OpenClawRelease.shape.changelog.refine(
  (text) => Buffer.byteLength(JSON.stringify(text)) <= changelogLimitBytes,
  'must be 48 KiB or less',
);
const Input = z.object({
  release: OpenClawRelease.extend({ version, changelog }),
  stage: RolloutStage.default('1'),
});

/**
 * An operator's verb. Makes a release known and begins its rollout. Input: {release, stage?: where it begins, 1 % if not
 * said}. Returns false when it was known: then only its changelog is replaced. Raises `invalid_request`, `conflict`.
 */
export async function publishRelease({ db }: Pick<VerbContext, 'db'>, input: unknown): Promise<boolean> {
  const { release, stage } = parse(Input, input);
  return db.provisioner.publishRelease(release, stage);
}
