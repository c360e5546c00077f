import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readableLine, tailOfFile } from './logs.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'claw-logs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the end of a file is whole lines without secrets, however large the file is', () => {
  const file = join(folder, 'a.log');
  expect(tailOfFile(file, 10)).toEqual([]);
  writeFileSync(file, 'one\n\ntwo api_key=sk-1234567890abcdef\nthree\n');
  expect(tailOfFile(file, 2)).toEqual(['two api_key=[redacted]', 'three']);
  writeFileSync(file, `${'x'.repeat(2_000_000)}\nlast\n`);
  expect(tailOfFile(file, 1000)).toEqual(['last']);
});

test('a line for machines becomes one for people; others stay as they are', () => {
  const entry = {
    0: 'gateway',
    1: { port: 18_789 },
    time: '2026-11-25T10:00:00Z',
    _meta: { logLevelName: 'INFO' },
  };
  expect(readableLine(JSON.stringify(entry))).toBe('2026-11-25T10:00:00Z INFO gateway {"port":18789}');
  for (const line of ['plain words', '[1,2]', '{"nothing":"known"}', '{"half":'])
    expect(readableLine(line)).toBe(line);
});
