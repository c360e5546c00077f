import { ProductError, RolloutStage } from '@claw-cloud/contracts';
import { z } from 'zod';
import type { VerbContext } from '../context.ts';
import { parse } from '../parse.ts';

const version = z.string().min(1).max(40);
const Halt = z.object({ version, reason: z.string().min(1).max(500) });
const Resume = z.object({ version, stage: RolloutStage.optional() });

/** An operator's verb: offers a version to nobody any more. Input: {version, reason}. Raises `version_unknown`. */
export async function haltRollout(context: Pick<VerbContext, 'db'>, input: unknown): Promise<void> {
  const { version, reason } = parse(Halt, input);
  const seen = await find(context, version);
  if (seen.state !== 'halted') await move(context, seen, { state: 'halted', stage: seen.stage, reason });
}

/**
 * An operator's verb: lets a halted rollout go on. What has failed before was looked at and counts no more. Input:
 * {version, stage?: another one than where it halted}. Raises `version_unknown`, `conflict`.
 */
export async function resumeRollout(context: Pick<VerbContext, 'db'>, input: unknown): Promise<void> {
  const { version, stage } = parse(Resume, input);
  const seen = await find(context, version);
  if (seen.state !== 'halted')
    throw new ProductError(
      'conflict',
      `The rollout of ${version} is ${seen.state}.`,
      'Only a halted one resumes.',
    );
  await move(context, seen, { state: 'running', stage: stage ?? seen.stage, reason: null });
}

type Seen = Awaited<ReturnType<VerbContext['db']['provisioner']['rollouts']>>[number];

async function find({ db }: Pick<VerbContext, 'db'>, version: string): Promise<Seen> {
  const seen = (await db.provisioner.rollouts('all')).find((rollout) => rollout.version === version);
  if (seen) return seen;
  throw new ProductError(
    'version_unknown',
    `There is no rollout of ${version}.`,
    'Publish the release first.',
  );
}

async function move(
  { db }: Pick<VerbContext, 'db'>,
  seen: Seen,
  to: Parameters<VerbContext['db']['provisioner']['moveRollout']>[2],
): Promise<void> {
  if (await db.provisioner.moveRollout(seen.version, seen, to)) return;
  throw new ProductError('conflict', 'It has changed a moment ago.', 'Look at it, then do it again.');
}
