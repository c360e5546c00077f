import { cleanUp } from './clean-up.ts';
import { type Ending, readJournal } from './records.ts';
import { finish, putBack } from './switch-over.ts';
import type { UpdateTools } from './tools.ts';

const reason = 'The server was restarted, or lost its power, in the middle.';

/**
 * Ends what a power cut, or an end of root's daemon, left in the middle: the former version with its state where the new one had
 * not been seen healthy. Resolves with that ending, or null where nothing was under way. May be cut and run again.
 */
export async function recover(tools: UpdateTools): Promise<Ending | null> {
  const { folders } = tools;
  const journal = readJournal(folders);
  let ending: Ending | null = null;
  if (journal?.phase === 'done') {
    const outcome = journal.kind === 'rollback' ? 'rolled_back' : 'succeeded';
    const { downSeconds } = journal;
    ending = finish(tools, journal, { outcome, failedStep: null, reason: null, downSeconds });
  } else if (journal) {
    // Before the stop nothing had been changed, and systemd has started what it always starts.
    const downSeconds = journal.phase === 'down' ? await putBack(tools, journal) : 0;
    ending = finish(tools, journal, { outcome: 'failed', failedStep: 'power_cut', reason, downSeconds });
  }
  await cleanUp(tools);
  return ending;
}
