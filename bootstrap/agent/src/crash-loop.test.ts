import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { countStart } from './crash-loop.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'claw-starts-'));
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});
const start = (agent = 'a', random = 1) =>
  countStart(
    join(folder, 'starts.json'),
    agent,
    () => undefined,
    () => random,
  );
const waits = (count: number) => Array.from({ length: count }, () => start().waitMs / 1000);

test('the first starts come at once, later ones ever more slowly, and never not at all', () => {
  expect(waits(12)).toEqual([0, 0, 0, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  waits(500);
  expect(start().waitMs).toBe(300_000);
  expect(start('a', 0).waitMs).toBe(150_000);
});

test('a good end, a minute of running, and another agent begin anew', () => {
  waits(8);
  start().forget();
  expect(start().waitMs).toBe(0);
  waits(8);
  vi.advanceTimersByTime(7 * 60_000);
  expect(start().waitMs).toBe(0);
  waits(8);
  expect(start('b').waitMs).toBe(0);
});

test('a damaged count, or a disk that takes none, stops nothing', () => {
  writeFileSync(join(folder, 'starts.json'), '{');
  expect(start().waitMs).toBe(0);
  rmSync(folder, { recursive: true });
  writeFileSync(folder, '');
  expect(countStart(join(folder, 'starts.json'), 'a', () => undefined).waitMs).toBe(0);
});
