import { expect, test } from 'vitest';
import { judgeAudit } from './audit-verdict.ts';
import { parseCast, plainTerminal, screenAt } from './cast.ts';
import { handoverText, sshKeyTrouble } from './handover.ts';

test('a recording is read as far as it goes, with its pauses shortened', () => {
  const cast = parseCast(
    [
      '{"version":2,"width":80,"height":24,"title":"Grace: shell"}',
      '[0.5,"o","$ "]',
      '[0.9,"i","ls\\r"]',
      '[60.5,"o","ls\\r\\n"]',
      '[61,"o","a b\\r\\n"]',
      '[62,"o","cut of',
    ].join('\n'),
  );
  expect(cast.title).toBe('Grace: shell');
  expect(cast.events.map(({ at }) => at)).toEqual([0.5, 2.5, 3]);
  expect(screenAt(cast, 1)).toBe('$ ');
  expect(screenAt(cast, cast.seconds)).toBe('$ ls\na b\n');
});

test('what is no recording is shown as it is', () => {
  expect(screenAt(parseCast('just text'), 0)).toBe('just text');
});

test('terminal output becomes text and nothing more', () => {
  expect(plainTerminal('\u001b[1;31mred\u001b[0m \u001b]0;title\u0007plain')).toBe('red plain');
  expect(plainTerminal('12%\r99%\nabc\b\bX')).toBe('99%\naXc');
  expect(plainTerminal('old\u001b[2J\u001b[Hnew')).toBe('new');
  expect(plainTerminal('\u001b]52;c;ZXZpbA==\u001b\\<script>\u0000')).toBe('<script>');
});

test('a handover names the server’s own key and how to enter, and no more', () => {
  const text = handoverText({
    origin: 'https://claw.example',
    grantId: 'grt_000000000000000000000001',
    name: 'Grace',
    token: 'T'.repeat(43),
    hostKey: 'ssh-ed25519 AAAAHOST support@host',
    until: 'Nov 25, 12:00',
    root: false,
  });
  expect(text).toContain("echo 'grt_000000000000000000000001 ssh-ed25519 AAAAHOST' >");
  expect(text).toContain(
    `support-ssh.mjs https://claw.example grt_000000000000000000000001 ${'T'.repeat(43)}'`,
  );
  expect(text).toContain('root@grt_000000000000000000000001');
});

test('a private key is refused in plain words', () => {
  expect(sshKeyTrouble('-----BEGIN OPENSSH PRIVATE KEY-----\nabc')).toMatch(/private key/);
  expect(sshKeyTrouble('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA grace@laptop')).toBeUndefined();
  expect(sshKeyTrouble('hello')).toMatch(/one line/);
  expect(sshKeyTrouble(' ')).toMatch(/Paste/);
});

test('a record that lost its end, or says something else than before, is not believed', () => {
  const entries = [
    { seq: 1, hash: 'a' },
    { seq: 2, hash: 'b' },
  ];
  const whole = { ok: true, newest: { seq: 2, hash: 'b' } } as const;
  expect(judgeAudit(entries, whole, undefined)).toEqual({ ok: true });
  expect(judgeAudit(entries, whole, { seq: 1, hash: 'a' })).toEqual({ ok: true });
  expect(judgeAudit(entries, whole, { seq: 1, hash: 'x' })).toMatchObject({ ok: false });
  expect(judgeAudit(entries, whole, { seq: 3, hash: 'c' })).toMatchObject({ ok: false });
  expect(judgeAudit(entries, { ok: false, seq: 2 }, undefined)).toMatchObject({ ok: false });
});
