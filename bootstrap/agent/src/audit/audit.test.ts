import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ready } from '@claw-cloud/crypto';
import { brokenLink } from '@claw-cloud/crypto/audit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Audit, createAudit } from './audit.ts';

let dir: string;
let lines: string[];
beforeEach(async () => {
  await ready();
  dir = mkdtempSync(join(tmpdir(), 'audit-'));
  lines = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = (maxBytes?: number): Audit =>
  createAudit({
    dir,
    log: (line) => lines.push(line),
    now: () => new Date('2026-11-25T12:00:00Z'),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  });
const said = (audit: Audit, times: number) => {
  for (let n = 0; n < times; n += 1)
    audit.record({ actor: 'owner:phone', action: 'support.grant', outcome: 'allowed', detail: { n } });
};

test('keeps a chain that goes on over restarts', () => {
  said(open(), 3);
  const again = open();
  said(again, 2);
  const { entries, head } = again.list(0, 500);
  expect(head).toBe(5);
  expect(entries.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  expect(brokenLink(entries)).toBeNull();
  expect(brokenLink(again.list(3, 1).entries, entries[2])).toBeNull();
  expect(statSync(join(dir, 'audit.jsonl')).mode & 0o777).toBe(0o600);
});

test('shows a change made to its file', () => {
  const audit = open();
  said(audit, 3);
  const file = join(dir, 'audit.jsonl');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"n":1', '"n":7'));
  expect(brokenLink(audit.list(0, 500).entries)).toBe(2);
});

test('drops half a line that a power cut left, and goes on', () => {
  said(open(), 2);
  appendFileSync(join(dir, 'audit.jsonl'), '{"seq":3,"at":"2026');
  const audit = open();
  said(audit, 1);
  expect(audit.list(0, 500).entries.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  expect(brokenLink(audit.list(0, 500).entries)).toBeNull();
});

test('stays bounded and keeps the chain of what it keeps', () => {
  const audit = open(2000);
  said(audit, 40);
  const { entries, head } = open(2000).list(0, 500);
  const [first] = entries;
  expect(head).toBe(40);
  expect(entries.length).toBeLessThan(20);
  expect(entries.at(-1)?.seq).toBe(40);
  expect(first && brokenLink(entries.slice(1), first)).toBeNull();
  expect(statSync(join(dir, 'audit.jsonl')).size).toBeLessThan(2001);
});

test('says so when it can not write, and claims nothing', () => {
  const audit = open();
  rmSync(dir, { recursive: true });
  expect(audit.record({ actor: 'agent', action: 'x', outcome: 'allowed' })).toBeNull();
  expect(lines.join()).toContain('audit: not written');
});

test('keeps a long detail short', () => {
  const entry = open().record({
    actor: 'a',
    action: 'x',
    outcome: 'denied',
    detail: { text: 'x'.repeat(5000) },
  });
  expect(entry?.detail).toEqual({ shortened: true });
});
