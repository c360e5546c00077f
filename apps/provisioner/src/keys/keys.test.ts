import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ready } from '@claw-cloud/crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureIntakeFile, ensureKekFile } from './key-files.ts';
import { loadIntakeKeys, loadKeyRing } from './key-source.ts';

const dir = mkdtempSync(join(tmpdir(), 'claw-keys-test-'));
beforeAll(() => ready());
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('key files', () => {
  const kek = { kind: 'file', path: join(dir, 'new', 'kek.json') } as const;
  const intake = { kind: 'file', path: join(dir, 'new', 'intake.json') } as const;

  test('are made once, for this user alone', () => {
    expect([ensureKekFile(kek), ensureIntakeFile(intake)]).toEqual([true, true]);
    const before = readFileSync(kek.path, 'utf8');
    expect([ensureKekFile(kek), ensureIntakeFile(intake)]).toEqual([false, false]);
    expect(readFileSync(kek.path, 'utf8')).toBe(before);
    for (const { path } of [kek, intake]) expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'new')).mode & 0o777).toBe(0o700);
  });

  test('open as a ring and as intake keys, the newest named', () => {
    expect(loadKeyRing(kek).current).toBe(1);
    const two = JSON.stringify([
      ...(JSON.parse(readFileSync(intake.path, 'utf8')) as string[]),
      'B'.repeat(42).concat('A'),
    ]);
    const keys = loadIntakeKeys({ kind: 'text', text: two });
    expect(Object.keys(keys.byKid)).toHaveLength(2);
    expect(Object.keys(keys.byKid)[1]).toBe(keys.newest.kid);
  });

  test('that are damaged are refused without a word of what they hold', () => {
    const path = join(dir, 'damaged.json');
    for (const text of ['{"1": "CANARY-not-a-key"}', 'CANARY', '["CANARY"]', '{}']) {
      writeFileSync(path, text);
      expect(() => loadKeyRing({ kind: 'file', path })).toThrow();
      try {
        loadKeyRing({ kind: 'file', path });
      } catch (error) {
        expect(String(error)).not.toContain('CANARY');
      }
    }
  });

  test('given as text are not made up', () => {
    expect(ensureKekFile({ kind: 'text', text: '' })).toBe(false);
  });
});
