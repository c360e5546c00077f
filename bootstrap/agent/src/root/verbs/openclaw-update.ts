import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { currentOpenClaw } from '../../openclaw/service-driver.ts';
import { cleanUp } from '../../updates/clean-up.ts';
import { Ending, readJournal, readRecord, updateFolders } from '../../updates/records.ts';
import { recover } from '../../updates/recover.ts';
import { createTools, type UpdateTools } from '../../updates/tools.ts';
import { rollBackOpenClaw, updateOpenClaw } from '../../updates/update.ts';
import { type RootContext, rootVerb } from '../verb.ts';
import { installVersion, OpenClawVersion } from './openclaw.ts';

const Integrity = z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/);
/** An installation, two starts beside the running one, and the change itself, each with a limit of its own below this. */
const changeLimitMs = 60 * 60_000;

/** The tools of a change, as every verb of root makes them. */
export const toolsOf = (context: RootContext): UpdateTools =>
  createTools(
    context,
    (version, integrity) => installVersion({ version, integrity }, context),
    () => randomBytes(6).toString('hex'),
  );

/** Updates OpenClaw, or ends with the former version serving; see updates/update.ts. */
export const openclawUpdate = rootVerb({
  params: z.object({ version: OpenClawVersion, integrity: Integrity.nullable() }),
  result: Ending,
  limitMs: changeLimitMs,
  group: 'openclaw',
  work: (params, context) => updateOpenClaw(toolsOf(context), params),
});

/** Puts the version and state from before the last change back. */
export const openclawRollback = rootVerb({
  params: z.object({}),
  result: Ending,
  limitMs: changeLimitMs,
  group: 'openclaw',
  work: (_, context) => rollBackOpenClaw(toolsOf(context)),
});

/** Ends what a power cut left in the middle; null where nothing was. Asked at every start of the agent. */
export const openclawRecover = rootVerb({
  params: z.object({}),
  result: z.object({ ending: Ending.nullable() }),
  limitMs: 15 * 60_000,
  group: 'openclaw',
  work: async (_, context) => ({ ending: await recover(toolsOf(context)) }),
});

/** Which version is in use, what one click would put back, what is under way and how the last change ended. */
export const openclawState = rootVerb({
  params: z.object({}),
  result: z.object({
    current: z.string().max(40).nullable(),
    previous: z.string().max(40).nullable(),
    running: z.object({ to: z.string(), step: z.string(), down: z.boolean() }).nullable(),
    last: Ending.nullable(),
  }),
  limitMs: 5 * 60_000,
  async work(_, context) {
    const folders = updateFolders(context.paths);
    const { kept, last } = readRecord(folders);
    const journal = readJournal(folders);
    return {
      current: currentOpenClaw(context.paths),
      previous: kept?.version ?? null,
      running: journal && { to: journal.to, step: journal.step, down: journal.phase === 'down' },
      last,
    };
  },
});

/** Removes states and versions that have had their time. */
export const openclawCleanUp = rootVerb({
  params: z.object({}),
  result: z.object({}),
  limitMs: 15 * 60_000,
  group: 'openclaw',
  async work(_, context) {
    await cleanUp(toolsOf(context));
    return {};
  },
});
