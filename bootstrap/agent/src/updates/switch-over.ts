import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { currentOpenClaw } from '../openclaw/service-driver.ts';
import { useVersion } from '../root/verbs/openclaw.ts';
import { startGateway, stopGateway, untilHealthy, whyEnded } from './gateway-unit.ts';
import {
  type Ending,
  type Journal,
  readRecord,
  removeJournal,
  writeJournal,
  writeRecord,
} from './records.ts';
import { inStep, reasonOf, StepFailed } from './step-failed.ts';
import type { UpdateTools } from './tools.ts';

export interface Change {
  journal: Journal;
  /** Makes the next state complete while nothing runs; nothing to do where it was made before. */
  prepare: (nextFolder: string) => Promise<void>;
  healthLimitMs: number;
}

/** Nobody but the owner would notice a former version that takes long: systemd goes on trying anyhow. */
const formerLimitMs = 5 * 60_000;

/** What happens to the present chats, for the owner to read. */
const asideWords = {
  update: 'The state is set aside, untouched',
  rollback: 'What was said since is set aside with the present state: going back once more brings it',
  restore: 'The present state is set aside: going back brings it',
} as const;

const secondsSince = (now: Date, iso: string | null): number =>
  iso === null ? 0 : Math.max(0, Math.round((now.getTime() - Date.parse(iso)) / 100) / 10);

/** Notes in the journal how far a change is, and tells whoever asked for it. */
export function note(
  tools: UpdateTools,
  journal: Journal,
  change: Partial<Journal> & { step: string },
  words: string,
  fraction: number,
): Journal {
  const next = { ...journal, ...change };
  writeJournal(tools.folders, next);
  tools.log(`openclaw ${next.kind} ${next.from} to ${next.to}: ${next.step}`);
  tools.progress(next.step, words, fraction);
  return next;
}

/**
 * The short time in which nothing serves: stop, set the state aside untouched, put the next one in its place, start, and wait until it
 * is healthy. A failing step puts the former version and state back, which serve again before this raises
 * what failed. Resolves with the ending, already recorded.
 */
export async function switchOver(tools: UpdateTools, change: Change): Promise<Ending> {
  const { folders, now } = tools;
  const { to, kind } = change.journal;
  const at = (name: string) => join(folders.kept, name);
  let journal = note(
    tools,
    change.journal,
    { phase: 'down', step: 'stop', stoppedAt: now().toISOString() },
    'OpenClaw stops',
    0.6,
  );
  try {
    await inStep('stop', () => stopGateway(tools));
    journal = note(tools, journal, { step: 'migrate' }, asideWords[kind], 0.65);
    await inStep('backup', () => change.prepare(at(journal.next)));
    journal = note(tools, journal, { step: 'switch' }, `OpenClaw ${to} takes its place`, 0.75);
    await inStep('migrate', async () => {
      renameSync(folders.live, at(journal.aside));
      renameSync(at(journal.next), folders.live);
      useVersion(tools.paths, to);
    });
    journal = note(tools, journal, { step: 'start' }, `OpenClaw ${to} starts`, 0.8);
    await inStep('start', () => startGateway(tools));
    const ended = () => whyEnded(tools);
    const wanted = { port: tools.port, version: to, limitMs: change.healthLimitMs, ended };
    await inStep('health', () => untilHealthy(tools, wanted));
  } catch (error) {
    const failed = error instanceof StepFailed ? error : new StepFailed('start', reasonOf(error));
    const downSeconds = await putBack(tools, journal);
    finish(tools, journal, {
      outcome: 'failed',
      failedStep: failed.step,
      reason: failed.message,
      downSeconds,
    });
    throw failed;
  }
  const downSeconds = secondsSince(now(), journal.stoppedAt);
  // What the copy wrote may still be in memory only; from `done` on the former state is no longer the way back.
  await tools.run(['sync', '-f', folders.live], { timeoutMs: 5 * 60_000 });
  journal = note(tools, journal, { phase: 'done', step: 'done', downSeconds }, `OpenClaw ${to} serves`, 1);
  const outcome = kind === 'rollback' ? 'rolled_back' : 'succeeded';
  return finish(tools, journal, { outcome, failedStep: null, reason: null, downSeconds });
}

/**
 * Puts the former version and its state back, whatever had been done, and waits until it serves; may be cut and run again.
 * Resolves with the seconds nothing served.
 */
export async function putBack(tools: UpdateTools, journal: Journal): Promise<number> {
  const { folders, now, log } = tools;
  const { from, next, keepNext, aside } = journal;
  const at = (name: string) => join(folders.kept, name);
  note(tools, journal, { step: 'put back' }, `OpenClaw ${from} is put back`, 0.9);
  if (existsSync(at(aside)) || currentOpenClaw(tools.paths) !== from) await stopGateway(tools);
  // The version first: the new one must never start with the former state, which it would migrate.
  useVersion(tools.paths, from);
  if (existsSync(at(aside))) {
    const back = keepNext && !existsSync(at(next)) ? next : `failed-${tools.newId()}`;
    if (existsSync(folders.live)) renameSync(folders.live, at(back));
    renameSync(at(aside), folders.live);
  }
  await startGateway(tools);
  try {
    const wanted = { port: tools.port, version: from, limitMs: formerLimitMs, ended: async () => null };
    await untilHealthy(tools, wanted);
  } catch (error) {
    log(`OpenClaw ${from} is put back but not healthy yet: ${reasonOf(error)}`);
  }
  return secondsSince(now(), journal.stoppedAt);
}

/** Records how a change ended; from here on there is nothing to recover. */
export function finish(
  tools: UpdateTools,
  journal: Journal,
  ending: Pick<Ending, 'outcome' | 'failedStep' | 'reason' | 'downSeconds'>,
): Ending {
  const { folders, now } = tools;
  const { id, kind, from, to, aside } = journal;
  const at = now().toISOString();
  const last: Ending = { id, kind, at, from, to, ...ending };
  const record = readRecord(folders);
  const kept = ending.outcome === 'failed' ? record.kept : { version: from, folder: aside, at };
  writeRecord(folders, { v: 1, kept, last });
  removeJournal(folders);
  return last;
}
