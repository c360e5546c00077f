import { expect, test } from 'vitest';
import { readSshdLog } from './sshd-log.ts';

const key = `SHA256:${'k'.repeat(43)}`;
const line = (message: unknown, cursor: string): string =>
  JSON.stringify({ MESSAGE: message, __REALTIME_TIMESTAMP: '1795632300000000', __CURSOR: cursor });

test('reads who was let in and who was not, in words of our own', () => {
  const text = [
    line('Connection from UNKNOWN port 65535 on /run/x.sock port 65535', 'a'),
    line(`Failed publickey for root from UNKNOWN port 65535 ssh2: ED25519 ${key}`, 'b'),
    line(`Accepted publickey for root from UNKNOWN port 65535 ssh2: ED25519 ${key}`, 'c'),
    line('User mallory from UNKNOWN not allowed because not listed in AllowUsers', 'd'),
    line(`root: Authentication key ED25519 ${key} expired at 20260101000000Z`, 'e'),
    line([1, 2, 3], 'f'),
    'no json',
  ].join('\n');
  const { events, cursor } = readSshdLog(text);
  expect(events.map(({ outcome, reason, keyFingerprint }) => [outcome, reason, keyFingerprint])).toEqual([
    ['denied', 'key_unknown', key],
    ['allowed', 'key_accepted', key],
    ['denied', 'user_unknown', null],
    ['denied', 'key_expired', key],
  ]);
  expect(events[0]?.at).toBe('2026-11-25T18:45:00.000Z');
  expect(cursor).toBe('e');
});

test('nothing new moves nothing', () => {
  expect(readSshdLog('')).toEqual({ events: [], cursor: null });
});
