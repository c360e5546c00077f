import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ProductError } from '@claw-cloud/contracts';
import { currentOpenClaw } from '../openclaw/service-driver.ts';
import { packageOf } from '../root/verbs/openclaw.ts';
import { cleanUp } from './clean-up.ts';
import { type Ending, type FailedStep, type Journal, readJournal, readRecord } from './records.ts';
import { completeState, copyState, makeStateFolder, needRoom } from './state-copy.ts';
import { inStep, StepFailed } from './step-failed.ts';
import { finish, note, switchOver } from './switch-over.ts';
import type { UpdateTools } from './tools.ts';
import { migrate, type TriedOut, tryOut } from './try-out.ts';

/** An installation and what npm keeps of its download. */
const installBytes = 950 * 2 ** 20;
/**
 * How long a new version may take to get healthy in earnest: twice what it took on this very server, busier with two of them, a
 * minute before. So a busy server is no reason to go back, and one that is broken in earnest only is not waited for.
 */
const healthFactor = 2;
const healthLimits = { least: 12_000, most: 4 * 60_000, untried: 2 * 60_000 } as const;
const relaxedHealthMs = 4 * 60_000;

export const healthLimitOf = ({ startMs }: Pick<TriedOut, 'startMs'>): number =>
  startMs === null
    ? healthLimits.untried
    : Math.min(Math.max(healthFactor * startMs, healthLimits.least), healthLimits.most);

/** The version in use. Raises where there is none, or something changes it right now. */
export function steadyVersion(tools: UpdateTools): string {
  const running = readJournal(tools.folders);
  if (running) {
    throw new ProductError(
      'update_running',
      `OpenClaw is being changed to ${running.to} right now.`,
      'Wait until that has ended.',
    );
  }
  const current = currentOpenClaw(tools.paths);
  if (current === null) {
    throw new ProductError(
      'instance_not_ready',
      'OpenClaw is not installed on this server yet.',
      'Wait until the server is ready.',
    );
  }
  return current;
}

function open(
  tools: UpdateTools,
  change: Pick<Journal, 'kind' | 'from' | 'to' | 'next' | 'keepNext'>,
): Journal {
  const id = tools.newId();
  return {
    v: 1,
    id,
    ...change,
    phase: 'before',
    step: 'prepare',
    startedAt: tools.now().toISOString(),
    stoppedAt: null,
    downSeconds: 0,
    aside: `${change.from}-${id}`,
  };
}

/** The failed step as the owner reads it. The former version serves when this is raised. */
function failure(journal: Journal, error: unknown): unknown {
  if (!(error instanceof StepFailed)) return error;
  const { kind, from, to } = journal;
  const what = {
    update: `The update to OpenClaw ${to}`,
    rollback: `Going back to OpenClaw ${to}`,
    restore: 'Restoring the backup',
  }[kind];
  return new ProductError(
    'update_failed',
    `${what} failed (${error.step.replace('_', ' ')}): ${error.message} OpenClaw ${from} serves with the state it had.`,
    kind === 'restore'
      ? 'Choose another backup, or update OpenClaw to the version that made this one.'
      : `Stay with ${from}, and try again with a newer version.`,
    { cause: error },
  );
}

/** What can fail while the former version runs on: its failure is recorded, and changes nothing. */
async function whileServing<T>(
  tools: UpdateTools,
  journal: Journal,
  step: FailedStep,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await inStep(step, work);
  } catch (error) {
    const failedStep = error instanceof StepFailed ? error.step : step;
    const reason = error instanceof Error ? error.message.slice(0, 2000) : null;
    finish(tools, journal, { outcome: 'failed', failedStep, reason, downSeconds: 0 });
    await cleanUp(tools);
    throw failure(journal, error);
  }
}

/** The last part of every change; afterwards only what one click would put back is kept. */
async function change(
  tools: UpdateTools,
  journal: Journal,
  healthLimitMs: number,
  prepare: (next: string) => Promise<void>,
): Promise<Ending> {
  try {
    return await switchOver(tools, { journal, prepare, healthLimitMs });
  } catch (error) {
    throw failure(journal, error);
  } finally {
    await cleanUp(tools);
  }
}

/**
 * Updates OpenClaw: installs the version beside the one in use and tries it out with a copy of the state while that one serves;
 * only then stops, sets the state aside, and starts the new one with another copy. A failing step ends with the former version and its
 * untouched state serving, and raises `update_failed` with the reason. Raises `conflict`, `disk_full`, `update_running`,
 * `version_unknown`, `digest_mismatch`.
 */
export async function updateOpenClaw(
  tools: UpdateTools,
  { version, integrity }: { version: string; integrity: string | null },
): Promise<Ending> {
  const from = steadyVersion(tools);
  if (version === from)
    throw new ProductError('conflict', `OpenClaw ${version} runs already.`, 'Choose another version.');
  await cleanUp(tools);
  await needRoom(tools, 3, existsSync(packageOf(tools.paths, version)) ? 0 : installBytes);
  let journal = open(tools, {
    kind: 'update',
    from,
    to: version,
    next: `${version}-${tools.newId()}`,
    keepNext: false,
  });
  journal = note(
    tools,
    journal,
    { step: 'install' },
    `OpenClaw ${version} is installed beside ${from}`,
    0.05,
  );
  await whileServing(tools, journal, 'install', () => tools.install(version, integrity));
  journal = note(tools, journal, { step: 'try' }, `OpenClaw ${version} is tried out with a copy`, 0.3);
  const tried = await whileServing(tools, journal, 'start', () =>
    tryOut(tools, from, version, `try-${tools.newId()}`),
  );
  return change(tools, journal, healthLimitOf(tried), async (next) => {
    makeStateFolder(tools, journal.next);
    await copyState(tools, next);
    if (tried.needsDoctor) await migrate(tools, version, next);
  });
}

/**
 * Goes back to the version and state from before the last change. The present state is set aside in turn, so that one more click
 * comes forward again. Raises `not_found` where nothing was kept, and what an update raises.
 */
export async function rollBackOpenClaw(tools: UpdateTools): Promise<Ending> {
  const from = steadyVersion(tools);
  const { kept } = readRecord(tools.folders);
  if (!kept || !existsSync(join(tools.folders.kept, kept.folder))) {
    throw new ProductError(
      'not_found',
      'There is no former version to go back to on this server.',
      'Restore a backup instead.',
    );
  }
  let journal = open(tools, {
    kind: 'rollback',
    from,
    to: kept.version,
    next: kept.folder,
    keepNext: true,
  });
  journal = note(tools, journal, { step: 'install' }, `OpenClaw ${kept.version} is looked for`, 0.1);
  await whileServing(tools, journal, 'install', () => tools.install(kept.version, null));
  return change(tools, journal, relaxedHealthMs, (next) => completeState(tools, next));
}

/** Puts a state that was made ready in `next`, below the kept ones, in the place of the present one. */
export async function replaceState(tools: UpdateTools, next: string): Promise<Ending> {
  const from = steadyVersion(tools);
  const journal = open(tools, { kind: 'restore', from, to: from, next, keepNext: false });
  return change(tools, journal, relaxedHealthMs, (folder) => completeState(tools, folder));
}
