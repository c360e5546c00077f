import { expect, test } from 'vitest';
import { bytes, countdown, megabytes, shortDigest, span } from './words.ts';

test('sizes are told in the unit that reads best', () => {
  expect([0, 999, 2048, 5_300_000, 999 * 1024, 1_001 * 1024].map(bytes)).toEqual([
    '0 B',
    '999 B',
    '2.0 KB',
    '5.1 MB',
    '999 KB',
    '1.0 MB',
  ]);
  expect(megabytes(3816)).toBe('3.7 GB');
});

test('spans name their largest units', () => {
  expect([0, 59, 60, 3600, 3_720, 86_400, 90_000, 41 * 86_400].map(span)).toEqual([
    '0 s',
    '59 s',
    '1 min',
    '1 h',
    '1 h 2 min',
    '1 day',
    '1 day 1 h',
    '41 days',
  ]);
});

test('a countdown ends at nothing and never goes below', () => {
  expect([-5, 1, 899_000, 7_509_000].map(countdown)).toEqual(['0:00', '0:01', '14:59', '2:05:09']);
});

test('a long digest is shortened in its middle', () => {
  expect(shortDigest('a'.repeat(64))).toBe('aaaaaaaa…aaaaaaaa');
  expect(shortDigest('abc')).toBe('abc');
});
