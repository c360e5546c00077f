import { expect, test } from 'vitest';
import { createBackoff } from './backoff.ts';

test('doubles to the cap, between half and all of it, and begins anew after a reset', () => {
  const series = (random: () => number) => {
    const backoff = createBackoff({ baseMs: 500, capMs: 60_000, random });
    return Array.from({ length: 10 }, () => backoff.next());
  };
  expect(series(() => 1)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  expect(series(() => 0)).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  const backoff = createBackoff({ baseMs: 500, capMs: 60_000, random: () => 1 });
  backoff.next();
  backoff.next();
  backoff.reset();
  expect(backoff.next()).toBe(500);
});

test('stays at the cap after days of attempts', () => {
  const backoff = createBackoff({ baseMs: 500, capMs: 60_000, random: () => 1 });
  for (let attempt = 0; attempt < 5000; attempt += 1) backoff.next();
  expect(backoff.next()).toBe(60_000);
});
