import { expect, it } from 'vitest';
import { deviceName } from '../keys/owner.ts';
import { ago, duration, soon } from './words.ts';

it('says spans of time as people do', () => {
  expect([0, 850, 9_940, 42_400, 65_000, 3_725_000].map(duration)).toEqual([
    '0.0 s',
    '0.8 s',
    '9.9 s',
    '42 s',
    '1 min 5 s',
    '1 h 2 min',
  ]);
});

it('says how long ago', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');
  expect(ago(now - 20_000, now)).toBe('just now');
  expect(ago(now - 120_000, now)).toMatch(/2/);
  expect(ago('2026-11-01T12:00:00Z', now)).toMatch(/2026/);
});

it('says how soon', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');
  expect(soon('2026-11-21T12:00:20Z', now)).toBe('in a moment');
  expect(soon('2026-11-21T11:59:00Z', now)).toBe('in a moment');
  expect(soon('2026-11-21T12:04:00Z', now)).toMatch(/4/);
});

it('names a browser as its owner would', () => {
  expect(deviceName('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0')).toBe(
    'Firefox on Linux',
  );
  expect(deviceName('Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1')).toBe(
    'Safari on iPhone',
  );
  expect(deviceName('curl/8')).toBe('Browser on this device');
});
