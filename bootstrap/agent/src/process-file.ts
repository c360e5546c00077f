import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isRunning, processIdentity } from './live-process.ts';

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
  return text.trim() === processIdentity(pid) ? pid : null;
}

/** Claims the file for this process; the returned function gives it back. Raises when another agent runs. */
export function claimProcessFile(path: string): () => void {
  const other = runningAgent(path);
  if (other !== null && other !== process.pid) throw new Error(`the agent runs already, as process ${other}`);
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, `${processIdentity(process.pid)}\n`);
  return () => rmSync(path, { force: true });
}
