import { expect, test } from 'vitest';
import { findingsOf, type Statement } from './attest-findings.ts';

const instanceId = 'ins_000000000000000000000001';
const statement = (changes: Partial<Statement> = {}): Statement => ({
  v: 1,
  instanceId,
  nonce: 'N'.repeat(43),
  at: '2026-11-25T12:00:01Z',
  bootId: 'b',
  os: 'Debian',
  kernel: '6.12',
  agent: { version: '0.4.0', sha256: 'a'.repeat(64), publishedSha256: 'a'.repeat(64) },
  openclaw: { version: '2026.9.5', integrity: 'sha512-x' },
  node: '24.21.0',
  sockets: [
    { protocol: 'tcp', local: '127.0.0.1:18789', process: 'node' },
    { protocol: 'tcp', local: '[::1]:18789', process: 'node' },
    { protocol: 'udp', local: '10.0.0.5%eth0:68', process: 'systemd-network' },
  ],
  usersWithShell: ['root'],
  authorisedKeys: [],
  timers: [],
  enabledUnits: [],
  sshd: 'masked',
  firewall: { sha256: 'f', inbound: 'drop' },
  lastUpgradeAt: null,
  rebootRequired: false,
  grants: [],
  ...changes,
});

test('what is not as it should be stands out', () => {
  const bad = (changes: Partial<Statement>) =>
    findingsOf(statement(changes))
      .filter(({ well }) => !well)
      .map(({ what }) => what);
  expect(bad({})).toEqual([]);
  expect(bad({ agent: { version: '1', sha256: 'b'.repeat(64), publishedSha256: 'a'.repeat(64) } })).toEqual([
    'Agent',
  ]);
  expect(
    bad({ sockets: [{ protocol: 'tcp', local: '0.0.0.0:22', process: 'sshd' }], sshd: 'active' }),
  ).toEqual(['Open to the network', 'SSH daemon']);
  const key = { user: 'root', fingerprint: 'SHA256:x' };
  expect(bad({ authorisedKeys: [key] })).toEqual(['Keys that may log in']);
  const grants = [{ id: 'grt_1', name: 'Grace', endsAt: '2026-11-25T13:00:00Z' }];
  expect(bad({ authorisedKeys: [key], sshd: 'active', grants })).toEqual([]);
  expect(bad({ usersWithShell: ['root', 'mallory'] })).toEqual(['Users with a shell']);
});
