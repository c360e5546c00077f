import { expect, test } from 'vitest';
import type { Answer } from './ask.ts';
import { situationOf, versionTrouble } from './update-view.ts';

const now = Date.parse('2026-11-25T12:00:00Z');
const updates = (changes: Partial<Answer<'updates.get'>> = {}): Answer<'updates.get'> => ({
  current: '2026.9.5',
  previous: null,
  latest: {
    version: '2026.9.6',
    integrity: `sha512-${'A'.repeat(86)}==`,
    releasedAt: '2026-11-20T00:00:00Z',
    changelog: '',
  },
  pinned: null,
  snoozedUntil: null,
  running: null,
  last: null,
  agent: { version: '0.4.0', sha256: null, latest: null },
  ...changes,
});

test('a version that is offered is offered, unless it was put off, pinned away or is being installed', () => {
  expect(situationOf(updates(), now)).toEqual({ kind: 'offered', version: '2026.9.6' });
  expect(situationOf(updates({ snoozedUntil: '2026-11-26T00:00:00Z' }), now)).toMatchObject({
    kind: 'snoozed',
  });
  expect(situationOf(updates({ snoozedUntil: '2026-11-24T00:00:00Z' }), now)).toMatchObject({
    kind: 'offered',
  });
  expect(situationOf(updates({ pinned: '2026.9.5' }), now)).toEqual({ kind: 'pinned', version: '2026.9.5' });
  expect(
    situationOf(updates({ pinned: '2026.9.5', running: { to: '2026.9.4', step: 'stop' } }), now),
  ).toMatchObject({ kind: 'running' });
});

test('what runs already is not offered again', () => {
  expect(situationOf(updates({ latest: null }), now)).toEqual({ kind: 'newest' });
  expect(situationOf(updates({ current: '2026.9.6' }), now)).toEqual({ kind: 'newest' });
});

test('a version must be exact', () => {
  expect(versionTrouble('2026.9.6')).toBeUndefined();
  expect(versionTrouble(' 2026.10.1-beta.2 ')).toBeUndefined();
  for (const typed of ['', 'latest', '^2026.9.6', '2026.9']) expect(versionTrouble(typed)).toBeDefined();
});
