import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLog } from './log.ts';

test('stays bounded, one line a message, and redacts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'claw-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'agent.log');
  const log = createLog({ file, maxBytes: 4000, now: () => new Date(0) });
  log('first\nline with token=abcdef');
  expect(readFileSync(file, 'utf8')).toBe('1970-01-01T00:00:00.000Z first line with token=[redacted]\n');
  for (let line = 0; line < 500; line += 1) log(`line ${line} ${'x '.repeat(20)}`);
  log('y '.repeat(5000));
  expect(readdirSync(folder).sort()).toEqual(['agent.log', 'agent.log.1']);
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(4000);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});
