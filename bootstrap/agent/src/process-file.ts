import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isRunning } from '../install/folder-lock.ts';

/** When a process started, as the kernel counts; null where there is no /proc. */
function startTicks(pid: number): string | null {
  try {
    // The name in brackets may hold blanks: the fields are counted from behind it.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

const identity = (pid: number): string => `${pid} ${startTicks(pid) ?? '-'}\n`;

/** The pid of the agent that wrote the file, if it still runs: a pid that another process has now doesn't count. */
export function runningAgent(path: string): number | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  const pid = Number.parseInt(text, 10);
  if (!Number.isInteger(pid) || pid <= 0 || !isRunning(pid)) return null;
  return text === identity(pid) ? pid : null;
}

/** Claims the file for this process; the returned function gives it back. Raises when another agent runs. */
export function claimProcessFile(path: string): () => void {
  const other = runningAgent(path);
  if (other !== null && other !== process.pid) throw new Error(`the agent runs already, as process ${other}`);
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, identity(process.pid));
  return () => rmSync(path, { force: true });
}
