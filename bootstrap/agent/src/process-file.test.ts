import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { isRunning, processIdentity } from './live-process.ts';
import { claimProcessFile, runningAgent } from './process-file.ts';

function file(): string {
  const folder = mkdtempSync(join(tmpdir(), 'claw-pid-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'run/agent.pid');
}

test('one agent at a time; the file goes with it', () => {
  const path = file();
  expect(runningAgent(path)).toBeNull();
  const release = claimProcessFile(path);
  expect(runningAgent(path)).toBe(process.pid);
  expect(readFileSync(path, 'utf8')).toBe(`${processIdentity(process.pid)}\n`);
  release();
  expect(existsSync(path)).toBe(false);
});

test('a pid that another process has now is no agent', () => {
  const path = file();
  claimProcessFile(path);
  writeFileSync(path, `${process.pid} 12345\n`);
  expect(runningAgent(path)).toBeNull();
});

test('another live agent is an error', () => {
  const path = file();
  claimProcessFile(path);
  writeFileSync(path, `${processIdentity(process.ppid)}\n`);
  expect(() => claimProcessFile(path)).toThrow(`runs already, as process ${process.ppid}`);
});

test.runIf(process.platform === 'linux')(
  'a process that has ended is not running, though nobody has reaped it',
  async () => {
    // The shell starts a child and becomes a program that never looks after children.
    const parent = spawn('/bin/sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 30'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    onTestFinished(() => void parent.kill('SIGKILL'));
    const [printed] = (await once(parent.stdout, 'data')) as [Buffer];
    const child = Number(printed.toString());
    await vi.waitFor(() => expect(readFileSync(`/proc/${child}/stat`, 'utf8')).toContain(') Z '), {
      timeout: 10_000,
    });
    expect(isRunning(child)).toBe(false);
  },
);
