import { afterEach, expect, test, vi } from 'vitest';
import { spoken, withProgress } from './progress.ts';

afterEach(() => vi.useRealTimers());

test('durations read as a person says them', () => {
  expect([42_000, 75_000, 600_000].map(spoken)).toEqual(['42s', '1m15s', '10m00s']);
});

test('says every 15 s how long it has been, and how long it usually takes', async () => {
  vi.useFakeTimers();
  const lines: string[] = [];
  const work = Promise.withResolvers<void>();
  const running = withProgress(
    'building it',
    300_000,
    (line) => lines.push(line),
    () => work.promise,
  );
  await vi.advanceTimersByTimeAsync(30_000);
  work.resolve();
  await running;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(lines).toEqual([
    'building it (usually about 5 min, once)',
    'building it… 15s of about 5 min',
    'building it… 30s of about 5 min',
    'building it: done in 30s',
  ]);
});
