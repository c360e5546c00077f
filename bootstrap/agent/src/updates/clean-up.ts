import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { currentOpenClaw } from '../openclaw/service-driver.ts';
import { OpenClawVersion } from '../root/verbs/openclaw.ts';
import { forgottenFolders, readJournal, readRecord, writeRecord } from './records.ts';
import { discard } from './state-copy.ts';
import type { UpdateTools } from './tools.ts';

/** A state set aside is the way back for this long, or until the next change. */
const keptMs = 14 * 24 * 3_600_000;

/**
 * Removes states nobody goes back to any more, what a power cut left of others, and all versions but the one in use and the
 * one before. Changes nothing while a change is under way.
 */
export async function cleanUp(tools: UpdateTools): Promise<void> {
  const { folders, paths, now, run, log } = tools;
  if (readJournal(folders)) return;
  const record = readRecord(folders);
  const expired = record.kept && now().getTime() - Date.parse(record.kept.at) > keptMs;
  const kept = expired ? null : record.kept;
  if (expired) writeRecord(folders, { ...record, kept });
  await discard(tools, forgottenFolders(folders));
  const wanted = [currentOpenClaw(paths), kept?.version];
  const versions = existsSync(paths.store) ? readdirSync(paths.store) : [];
  const old = versions.filter((name) => {
    const version = OpenClawVersion.safeParse(name.slice('openclaw-'.length));
    return name.startsWith('openclaw-') && version.success && !wanted.includes(version.data);
  });
  if (old.length === 0 || wanted[0] === null) return;
  const argv = ['rm', '-rf', '--', ...old.map((name) => join(paths.store, name))];
  const { code } = await run(argv, { timeoutMs: 5 * 60_000 });
  if (code !== 0) log('old versions of OpenClaw were not removed');
}
