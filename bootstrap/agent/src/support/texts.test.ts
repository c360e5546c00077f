import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { placesOf } from './places.ts';
import {
  authorizedKeys,
  calendarTime,
  type DoorOptions,
  endScriptText,
  expiryTime,
  sshdConfig,
  unitFiles,
} from './texts.ts';

const grantId = 'grt_0123456789abcdefghijklmn';
const endsAt = new Date('2026-03-04T05:06:07.890Z');
const door = (seconds = 3600): DoorOptions => ({
  grantId,
  places: placesOf('/var/lib/claw-root', grantId),
  hostKey: '/var/lib/claw-root/support/host_ed25519',
  publicKey: 'ssh-ed25519 AAAAkey',
  endsAt,
  seconds,
  recorder: { node: '/opt/node', agent: '/opt/agent.mjs' },
});

test('an end is written in UTC, for the key and for systemd', () => {
  expect(expiryTime(endsAt)).toBe('20260304050607Z');
  expect(calendarTime(endsAt)).toBe('2026-03-04 05:06:07 UTC');
});

test('the key may start the recorder and nothing else, and ends by itself', () => {
  const command = `/opt/node /opt/agent.mjs support-session ${grantId}`;
  expect(authorizedKeys(door())).toBe(
    `restrict,pty,expiry-time="20260304050607Z",command="${command}" ssh-ed25519 AAAAkey\n`,
  );
  const config = sshdConfig(door());
  for (const line of [
    `ForceCommand ${command}`,
    'AuthenticationMethods publickey',
    'PermitRootLogin forced-commands-only',
    'PasswordAuthentication no',
    'DisableForwarding yes',
  ])
    expect(config.split('\n')).toContain(line);
});

test('a grant has one way in, for the agent’s group, and two clocks that end it', () => {
  const files = unitFiles(door());
  const unit = `claw-support-${grantId}`;
  expect(files[`${unit}.socket`]).toMatch(/^ListenStream=\/run\/claw-support\//m);
  expect(files[`${unit}.socket`]).toMatch(/^SocketGroup=claw-agent$/m);
  expect(files[`${unit}.socket`]).toMatch(/^SocketMode=0660$/m);
  expect(files[`${unit}-end.timer`]).toMatch(/^OnActiveSec=3600s$/m);
  expect(files[`${unit}-end.timer`]).toMatch(/^OnCalendar=2026-03-04 05:06:07 UTC$/m);
  expect(files[`${unit}-warn.timer`]).toMatch(/^OnActiveSec=3300s$/m);
  expect(Object.keys(unitFiles(door(300)))).not.toContain(`${unit}-warn.timer`);
});

test('the script that ends a grant is one that a shell can read', () => {
  execFileSync('sh', ['-n'], { input: endScriptText('/var/lib/claw-root') });
});
