import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { enginePins } from '../../src/pieces.ts';
import { run } from '../../src/run.ts';
import { stageStandIn } from '../../src/stand-in.ts';

const dir = mkdtempSync(join(tmpdir(), 'claw-serve-'));
const { vultr } = enginePins().plugins;
let program: string;

beforeAll(async () => {
  program = join(await stageStandIn('vultr', dir), vultr.executable);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function firstLine(child: ReturnType<typeof spawn>): Promise<string> {
  const [data] = (await once(child.stdout!, 'data')) as [Buffer];
  return data.toString();
}

async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('one file prints the port and nothing else, needs no search path, and ends at once when told to', async () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const child = spawn(program, ['127.0.0.1:1'], { env: {}, stdio: ['ignore', 'pipe', 'pipe'] });
    let complaints = '';
    child.stderr.on('data', (text: Buffer) => (complaints += text));
    expect(await firstLine(child)).toMatch(/^\d+\n$/);
    const start = performance.now();
    child.kill(signal);
    await once(child, 'exit');
    expect(performance.now() - start).toBeLessThan(4_500);
    expect(complaints).toBe('');
  }
});

test('tells its version, which is that of the official SDK', async () => {
  expect(await run(program, ['--version'], { env: {}, timeoutMs: 20_000 })).toBe(`${vultr.version}\n`);
});

test('ends when the engine that started it is gone', async () => {
  // The engine's part is played by a shell that says its child's id and waits.
  const script = `"${program}" & echo $! >&2; wait`;
  const parent = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [pid] = (await once(parent.stderr, 'data')) as [Buffer];
  await firstLine(parent);
  parent.kill('SIGKILL');
  const end = performance.now() + 15_000;
  while (await isAlive(Number(pid))) {
    if (performance.now() > end) throw new Error('the plugin outlives its engine');
    await delay(50);
  }
});
