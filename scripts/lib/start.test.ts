import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isNewEnough, node24 } from './node24.mjs';
import { createSteps } from './steps.mjs';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'claw-start-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const library = (name: string) => JSON.stringify(pathToFileURL(join(import.meta.dirname, name)).href);

/** A script that thinks it runs under Node 20 until it was started again. */
function scriptUnderOldNode(body: string): string {
  const path = join(dir, 'script.mjs');
  writeFileSync(
    path,
    `if (!process.env.CLAW_DEPENDENCIES) Object.defineProperty(process, 'version', { value: 'v20.19.0' });
     const { reexecUnderNode24 } = await import(${library('node24.mjs')});
     const { runMain, untilInterrupted } = await import(${library('run-child.mjs')});
     runMain(async () => {
       const code = await reexecUnderNode24(import.meta.url);
       if (code !== undefined) return code;
       ${body}
     });`,
  );
  return path;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('knows which Node is new enough', () => {
  expect(['v24.16.0', 'v24.21.0', 'v26.0.0'].map(isNewEnough)).toEqual([true, true, true]);
  expect(['v18.20.8', 'v20.20.2', 'v24.15.9'].map(isNewEnough)).toEqual([false, false, false]);
});

test('the Node that came with the dependencies runs', () => {
  const { stdout } = spawnSync(node24(), ['--version'], { encoding: 'utf8' });
  expect(isNewEnough(stdout.trim())).toBe(true);
});

test('an old Node starts the script again, with its arguments, and takes over its exit code', () => {
  const script = scriptUnderOldNode('console.log(process.version, ...process.argv.slice(2)); return 7;');
  const { stdout, status } = spawnSync(process.execPath, [script, '--once', 'two words'], {
    encoding: 'utf8',
  });
  expect(stdout).toMatch(/^v(?!20)\S+ --once two words\n$/);
  expect(status).toBe(7);
});

test('Ctrl-C during a setup ends the children it started, and the exit code says so', async () => {
  const script = scriptUnderOldNode(`
    const { runChild } = await import(${library('run-child.mjs')});
    const { writeFileSync } = await import('node:fs');
    await untilInterrupted((signal) =>
      runChild('sh', ['-c', 'sleep 60 & echo $! > child-pid; echo there > ready; wait'], {
        cwd: ${JSON.stringify(dir)}, signal, timeoutMs: 60_000,
      }));`);
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'ignore', 'pipe'] });
  const read = (name: string) => {
    try {
      return readFileSync(join(dir, name), 'utf8').trim();
    } catch {
      return '';
    }
  };
  await expect.poll(() => read('ready'), { timeout: 15_000 }).toBe('there');
  const pid = Number(read('child-pid'));
  child.kill('SIGINT');
  const [code] = await once(child, 'exit');
  expect(code).toBe(130);
  // Its parent is gone: init reaps it, and takes a moment.
  await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false);
});

test('steps print a line with their time, or JSON', async () => {
  const lines: string[] = [];
  let clock = 0;
  const now = () => {
    clock += 1_250;
    return clock;
  };
  const write = (line: string) => lines.push(line);
  await createSteps({ write, now }).run('engine', async () => 'Pulumi 3.259.0');
  await createSteps({ write, now, json: true }).run('web', async () => ({ skipped: 'not yet' }));
  const failing = createSteps({ write, now }).run('store', () => Promise.reject(new Error('no space')));
  await expect(failing).rejects.toThrow('no space');
  expect(lines).toEqual([
    '  ✓ engine                  1.3 s   Pulumi 3.259.0',
    '{"type":"step","name":"web","ms":1250,"skipped":"not yet"}',
    '  ✗ store                   1.3 s   failed',
  ]);
});
