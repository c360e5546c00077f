import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { runOpenClaw } from './program.ts';
import { completeState, discard, makeStateFolder } from './state-copy.ts';
import { lastWords } from './step-failed.ts';
import { openclawUser, type UpdateTools } from './tools.ts';

const limitMs = 20 * 60_000;
const Extracted = z.object({ archiveRoot: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.+_-]{0,120}$/) });

/** Has OpenClaw archive its state into a folder of its own while it runs; gives the archive's path. Raises with OpenClaw's words. */
export async function archiveState(
  tools: UpdateTools,
  version: string,
  folder: string,
  flags: readonly string[],
): Promise<string> {
  const archive = join(folder, 'backup.tar.gz');
  const made = await runOpenClaw(tools, {
    unit: 'claw-openclaw-backup',
    version,
    args: ['backup', 'create', ...flags, '--json', '--output', archive],
    writes: [folder],
    env: { TMPDIR: folder },
    limitMs,
  });
  if (made.code !== 0) throw new Error(lastWords(made));
  return archive;
}

/** Makes a state of an archive in the kept folder `name`, ready to be started with; gives its path. Raises with OpenClaw's words. */
export async function extractArchive(
  tools: UpdateTools,
  version: string,
  archive: string,
  name: string,
): Promise<string> {
  const { folders, must } = tools;
  const work = `extract-${tools.newId()}`;
  const folder = makeStateFolder(tools, work);
  try {
    const target = join(folder, 'fresh');
    const ended = await runOpenClaw(tools, {
      unit: 'claw-openclaw-restore',
      version,
      args: ['backup', 'restore', archive, '--target', target, '--json'],
      writes: [folder],
      env: { TMPDIR: folder },
      limitMs,
    });
    if (ended.code !== 0) throw new Error(lastWords(ended));
    const { archiveRoot } = Extracted.parse(JSON.parse(ended.stdout));
    // As it was made on a server like this one, it has OpenClaw's folder under its own path.
    const found = join(target, archiveRoot, 'payload/posix', folders.live);
    const names = statSync(join(found, 'state'), { throwIfNoEntry: false }) ? readdirSync(found) : [];
    if (names.length === 0) throw new Error('it holds no state of a server like this one.');
    const made = makeStateFolder(tools, name);
    await must(['mv', '-t', made, '--', ...names.map((each) => join(found, each))], {
      user: openclawUser,
      timeoutMs: limitMs,
    });
    await completeState(tools, made);
    return made;
  } finally {
    await discard(tools, [work]);
  }
}

/**
 * A consistent copy of the state for a try-out, while OpenClaw runs: through an archive, for a plain copy of its databases says that they are
 * in use. Without the files of its workspace, which no start looks at.
 */
export async function snapshotState(tools: UpdateTools, version: string, name: string): Promise<string> {
  const work = `snapshot-${tools.newId()}`;
  try {
    const archive = await archiveState(tools, version, makeStateFolder(tools, work), [
      '--no-include-workspace',
    ]);
    return await extractArchive(tools, version, archive, name);
  } finally {
    await discard(tools, [work]);
  }
}
