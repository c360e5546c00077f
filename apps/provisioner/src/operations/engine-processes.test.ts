import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test } from 'vitest';
import { engineProcesses, killEngineProcesses, markName, startOf } from './engine-processes.ts';

const operation = `opn_test${process.pid}`;
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** A process with a child in a session of its own, as a plugin is to the CLI. Returns both pids. */
async function family(env: Record<string, string>): Promise<[number, number]> {
  const script = `
    const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'],
      { detached: true, stdio: 'ignore' });
    console.log(child.pid); setInterval(() => {}, 1e6);`;
  const parent = spawn(process.execPath, ['-e', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: '/usr/bin:/bin', ...env },
  });
  started.push(parent);
  if (!parent.stdout || parent.pid === undefined) throw new Error('not started');
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
  return [parent.pid, Number(line)];
}

describe('the processes of an engine', () => {
  test('are found by their mark, in whatever session they are', async () => {
    const pids = await family({ [markName]: operation });
    expect(engineProcesses(operation).sort()).toEqual([...pids].sort());
    expect(engineProcesses(`${operation}x`)).toEqual([]);
  });

  test('are found when their leader is dead, killed, and waited for', async () => {
    const [parent, orphan] = await family({ [markName]: operation });
    process.kill(parent, 'SIGKILL');
    expect(engineProcesses(operation)).toContain(orphan);
    await killEngineProcesses(operation);
    expect(engineProcesses(operation)).toEqual([]);
    expect(startOf(orphan)).toBe(null);
  });

  test('are not those of another process that has the pid by now', async () => {
    const [stranger, child] = await family({});
    const leader = { pid: stranger, startedAt: new Date(Date.now() - 60_000).toISOString() };
    expect(await killEngineProcesses(operation, leader)).toBe(0);
    expect(startOf(stranger)).not.toBe(null);
    process.kill(child, 'SIGKILL');
  });

  test('are found by the recorded leader too', async () => {
    const [parent, child] = await family({});
    const leader = { pid: parent, startedAt: startOf(parent) ?? '' };
    expect(engineProcesses(operation, leader)).toEqual([parent]);
    expect(await killEngineProcesses(operation, leader)).toBe(1);
    process.kill(child, 'SIGKILL');
  });

  test('never include the process that asks', () => {
    const self = { pid: process.pid, startedAt: startOf(process.pid) ?? '' };
    expect(engineProcesses(operation, self)).not.toContain(process.pid);
  });
});
