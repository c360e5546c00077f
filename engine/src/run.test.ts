import { expect, test } from 'vitest';
import { run } from './run.ts';

const env = { PATH: '/usr/bin:/bin' };

test('returns standard output', async () => {
  expect(await run('sh', ['-c', 'echo out; echo err >&2'], { env, timeoutMs: 5_000 })).toBe('out\n');
});

test('an error carries the last lines of output', async () => {
  const failing = run('sh', ['-c', 'echo why >&2; exit 3'], { env, timeoutMs: 5_000 });
  await expect(failing).rejects.toThrow(/ended with 3:\nwhy/);
});

test('a program that is not there is an error', async () => {
  await expect(run('no-such-program', [], { env, timeoutMs: 5_000 })).rejects.toThrow('ENOENT');
});

test('an abort ends the program and its children', async () => {
  const ending = new AbortController();
  // The grandchild holds the output open: only when it is gone too does the run end.
  const running = run('sh', ['-c', 'sleep 60 & wait'], { env, timeoutMs: 30_000, signal: ending.signal });
  ending.abort(new Error('Ctrl-C'));
  await expect(running).rejects.toThrow('Ctrl-C');
});

test('a program that takes too long is ended', async () => {
  await expect(run('sh', ['-c', 'sleep 60 & wait'], { env, timeoutMs: 100 })).rejects.toThrow(
    'longer than 0.1 s',
  );
});
