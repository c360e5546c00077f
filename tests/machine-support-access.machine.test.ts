import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureHostPackages, whyNoLab } from '@claw-cloud/bootstrap/lab';
import { newId } from '@claw-cloud/contracts';
import { checkAttestation, verifyAuditChain } from '@claw-cloud/owner-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OwnedMachine, openOwnedMachine } from './support/owned-machine.ts';
import { until } from './support/owner.ts';

// Who gets into a server, on one really booted Debian: support by its owner's grant, with a real ssh client through a
// real control plane, until the grant's end; and at last the owner alone, for good.

const client = fileURLToPath(new URL('../scripts/support-ssh.mjs', import.meta.url));
const scanner = fileURLToPath(new URL('./support/scan-ports.mjs', import.meta.url));
const missing = whyNoLab();

interface Ssh {
  process: ChildProcessWithoutNullStreams;
  /** What it has printed, both streams. */
  said(): string;
  ended: Promise<{ code: number; said: string; atMs: number }>;
}

describe.skipIf(missing !== null)(missing ?? 'a booted server', () => {
  let owned: OwnedMachine;
  let folder: string;
  const keyFile = (name: string) => join(folder, name);
  const publicKey = (name: string) => readFileSync(`${keyFile(name)}.pub`, 'utf8').trim();
  const command: OwnedMachine['connection']['command'] = (name, params, options) =>
    owned.connection.command(name, params, { timeoutMs: 120_000, ...options });

  beforeAll(async () => {
    await ensureHostPackages({ ssh: 'openssh-client' }, () => undefined);
    folder = mkdtempSync(join(tmpdir(), 'claw-ssh-'));
    for (const name of ['granted', 'other', 'owner']) {
      const made = spawn('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', keyFile(name)]);
      await once(made, 'close');
    }
    owned = await openOwnedMachine('test-artifacts/machines/support-access');
    await owned.connection.whenOpen({ timeoutMs: 400_000 }).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${await owned.machine.console(12_000)}`);
    });
  }, 600_000);
  afterAll(async () => {
    await owned?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  }, 120_000);

  interface Granted {
    id: string;
    token: string;
    hostKey: string;
  }
  const grant = async (
    over: { root?: boolean; minutes?: number; confirmLong?: boolean } = {},
  ): Promise<Granted> => {
    const {
      grant: made,
      token,
      hostKey,
    } = await command('support.grant', {
      name: 'Ada of support',
      publicKey: publicKey('granted'),
      minutes: 15,
      ...over,
    });
    // The control plane has to have heard of it.
    await until(
      async () => (await owned.person.fetch(`/v1/instances/${owned.instanceId}/support-grants`)).text(),
      (text) => text.includes(made.id),
      30_000,
    );
    return { id: made.id, token, hostKey };
  };

  /** ssh as a supporter runs it. */
  const ssh = (granted: Granted, args: string[], { key = 'granted', options = [] as string[] } = {}): Ssh => {
    const known = keyFile(`known-${granted.id}`);
    writeFileSync(known, `server ${granted.hostKey}\n`);
    const proxy = `${process.execPath} ${client} ${owned.api.url} ${granted.id} ${granted.token}`;
    const child = spawn('ssh', [
      ...['-F', 'none', '-i', keyFile(key), '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'],
      ...['-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${known}`, '-o', 'LogLevel=ERROR'],
      ...['-o', `ProxyCommand=${proxy}`, ...options, 'root@server', ...args],
    ]);
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk;
      });
    child.stdin.on('error', () => undefined);
    const ended = once(child, 'close').then(([code]) => ({
      code: (code as number | null) ?? 1,
      said,
      atMs: performance.now(),
    }));
    return { process: child, said: () => said, ended };
  };
  const run = (granted: Granted, script: string, more: Parameters<typeof ssh>[2] = {}) => {
    const started = ssh(granted, [script], more);
    started.process.stdin.end();
    return started.ended;
  };
  const sleepers = () => owned.machine.run('pgrep -c -f "^sleep 7000" || true');
  /** A session that stays, and shrugs off every signal it may. */
  const stay = async (granted: Granted): Promise<Ssh> => {
    const session = ssh(granted, ['-tt', `trap "" HUP INT TERM; echo ready-$((40 + 2)); sleep 7000`]);
    await until(
      async () => session.said(),
      (said) => said.includes('ready-42'),
      30_000,
    );
    await until(sleepers, (count) => count === '1', 30_000);
    return session;
  };
  const state = async (id: string) =>
    (await command('support.list', {})).grants.find((found) => found.id === id);
  const refused = async (granted: Granted, why: RegExp) => {
    const { code, said } = await run(granted, 'true');
    expect(said).toMatch(why);
    expect(code).not.toBe(0);
  };

  describe('support access', () => {
    test('before a grant nobody gets in: no daemon, no open port, no grant to knock on', async () => {
      const { machine } = owned;
      expect(await machine.run('systemctl is-enabled ssh.service || true')).toBe('masked');
      expect(await machine.run('ss -Hltn "sport = :22"')).toBe('');
      expect(await machine.run('ls /run/claw-support 2>/dev/null | wc -l')).toBe('0');
      await refused(
        { id: newId('grant'), token: 'x'.repeat(43), hostKey: 'ssh-ed25519 AAAA' },
        /There is no such grant/,
      );
    });

    test('asks again for more than four hours, and takes nothing but a key', async () => {
      const asked = { name: 'Ada', publicKey: publicKey('granted'), minutes: 241 };
      await expect(command('support.grant', asked)).rejects.toMatchObject({ code: 'confirmation_needed' });
      await expect(
        command('support.grant', { ...asked, minutes: 60, publicKey: 'ssh-ed25519 AAAAnonsense' }),
      ).rejects.toMatchObject({ code: 'invalid_request' });
      await expect(command('support.grant', { ...asked, minutes: 14 })).rejects.toMatchObject({
        code: 'invalid_request',
      });
      expect((await command('support.list', {})).grants).toEqual([]);
    });

    test('lets the granted key in, as a user that can look and not touch', async () => {
      const granted = await grant({ minutes: 300, confirmLong: true });
      const seen = await run(granted, 'id -un; cat /etc/shadow; ls /var/lib/openclaw; sudo -n id; exit 7');
      expect(seen.code).toBe(7);
      expect(seen.said).toMatch(/^claw-support$/m);
      expect(
        seen.said.match(/Permission denied|not allowed|no new privileges|password is required/g)?.length,
      ).toBe(3);
      expect((await run(granted, 'journalctl -b -n 1 -u claw-agent.service --no-pager -o cat')).code).toBe(0);
      // Bytes pass unchanged where there is no terminal.
      const upload = ssh(granted, ['wc -c']);
      upload.process.stdin.end(Buffer.alloc(300_000, 0xff));
      expect((await upload.ended).said.trim()).toBe('300000');

      const options = ['-o', 'ExitOnForwardFailure=yes', '-R', '7000:127.0.0.1:22'];
      expect((await run(granted, 'echo through', { options })).said).not.toContain('through');
      const wrongKey = await run(granted, 'id', { key: 'other' });
      expect(wrongKey).toMatchObject({
        code: 255,
        said: expect.stringContaining('Permission denied (publickey)'),
      });
      await refused({ ...granted, token: 'y'.repeat(43) }, /does not belong to this grant/);
      expect(await owned.machine.run('ss -Hltn "sport = :22"')).toBe('');
      await command('support.revoke', { grantId: granted.id });
    });

    test('records what is typed and shown, and its owner replays it', async () => {
      const granted = await grant({ root: true });
      const session = ssh(granted, ['-tt']);
      await until(
        async () => session.said(),
        (said) => said.includes('#'),
        30_000,
      );
      session.process.stdin.write('echo "the owner can $((20 + 3)) see"\n');
      await until(
        async () => session.said(),
        (said) => said.includes('can 23 see'),
        30_000,
      );
      // What the timer does five minutes before the end.
      await owned.machine.run(`systemctl start claw-support-${granted.id}-warn.service`);
      await until(
        async () => session.said(),
        (said) => said.includes('ends in five minutes'),
        30_000,
      );
      session.process.stdin.write('id -u; exit\n');
      expect((await session.ended).code).toBe(0);
      expect(session.said()).toContain('This session is recorded');
      const found = await state(granted.id);
      expect(found?.sessions).toHaveLength(1);
      const [{ session: name = '' } = {}] = found?.sessions ?? [];
      let text = '';
      for (let done = false; !done; ) {
        const offset = Buffer.byteLength(text);
        const piece = await command('support.recording', { grantId: granted.id, session: name, offset });
        text += Buffer.from(piece.data, 'base64').toString('utf8');
        done = piece.done;
      }
      const [header, ...events] = text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
      expect(header).toMatchObject({ version: 2, title: 'root: shell' });
      const of = (kind: string) =>
        (events as [number, string, string][])
          .filter((event) => event[1] === kind)
          .map((event) => event[2])
          .join('');
      expect(of('i')).toContain('echo "the owner can $((20 + 3)) see"');
      expect(of('o')).toContain('the owner can 23 see');
      await command('support.revoke', { grantId: granted.id });
    });

    test('ends within two seconds when its owner revokes it', async () => {
      const granted = await grant();
      const session = await stay(granted);
      const askedMs = performance.now();
      await command('support.revoke', { grantId: granted.id });
      const { atMs, said } = await session.ended;
      expect(atMs - askedMs).toBeLessThan(2_000);
      expect(said).toContain('This support access has ended (revoked)');
      expect(await sleepers()).toBe('0');
      expect(await state(granted.id)).toMatchObject({ endedWhy: 'revoked' });
      await refused(granted, /has ended, or was revoked/);
    });

    test('ends as fast with a session that floods a supporter who does not read', async () => {
      const { machine } = owned;
      const granted = await grant();
      const flood =
        'trap "" HUP INT TERM; echo ready-$((40 + 2)); until test -e /tmp/flood; do sleep 0.1; done; yes';
      const session = ssh(granted, ['-tt', flood]);
      await until(
        async () => session.said(),
        (said) => said.includes('ready-42'),
        30_000,
      );
      session.process.kill('SIGSTOP');
      await machine.run('touch /tmp/flood');
      const written = 'grep wchar "/proc/$(pgrep -x yes)/io"';
      await machine.until(`a=$(${written}) && sleep 0.5 && b=$(${written}) && test "$a" = "$b"`, 60_000);
      const askedMs = performance.now();
      await command('support.revoke', { grantId: granted.id });
      expect(performance.now() - askedMs).toBeLessThan(2_000);
      expect(await machine.run('pgrep -c -x yes || true')).toBe('0');
      session.process.kill('SIGCONT');
      expect((await session.ended).code).not.toBe(0);
    });

    test('ends by itself: no control plane, no agent, a clock set back, and a deaf session', async () => {
      const { machine, lab } = owned;
      const granted = await grant();
      await stay(granted);
      const unit = `claw-support-${granted.id}`;
      // A clock set back by a day moves the calendar's end a day away and the key's expiry with it; a container can't
      // set its clock, so both are moved instead. What is left is the time since the grant began, here shortened.
      await machine.writeFile(
        `/run/systemd/system/${unit}-end.timer.d/test.conf`,
        '[Timer]\nOnCalendar=\nOnCalendar=2099-01-01 00:00:00 UTC\nOnActiveSec=\nOnActiveSec=12s\n',
      );
      await machine.run(
        `sed -i 's/expiry-time="[0-9]*Z"/expiry-time="20990101000000Z"/' /run/claw-support/${granted.id}/authorized_keys`,
      );
      await machine.run(`systemctl daemon-reload && systemctl restart ${unit}-end.timer`);
      lab.world.break('host', 'hang');
      // Not stopped, which would end its connections, but past helping.
      await machine.run('systemctl kill --signal=STOP claw-agent.service');
      await machine.until(`! test -e /run/claw-support/${granted.id} && ! pgrep -f '^sleep 7000'`, 60_000);
      expect(await machine.run('ls /run/claw-support | grep -c grt_ || true')).toBe('0');
      lab.world.mend();
      await machine.run('systemctl kill --signal=CONT claw-agent.service');
      await owned.connection.whenOpen({ timeoutMs: 120_000 });
      await until(
        () => state(granted.id).catch(() => undefined),
        (found) => found?.endedWhy === 'expired',
        60_000,
      );
      await refused(granted, /has ended, or was revoked/);
    });

    test('is over after a reboot', async () => {
      const granted = await grant();
      await stay(granted);
      await owned.machine.reboot();
      await until(
        () => state(granted.id).catch(() => undefined),
        (found) => found?.endedWhy === 'rebooted',
        180_000,
      );
      expect(await sleepers()).toBe('0');
      expect(await owned.machine.run('ls /run/claw-support 2>/dev/null | grep -c grt_ || true')).toBe('0');
      await until(
        async () => (await run(granted, 'true')).said,
        (said) => /has ended, or was revoked/.test(said),
        60_000,
      );
    });

    test('is told on both sides, and the owner’s side can be checked', async () => {
      const { entries } = await command('audit.list', {});
      expect(await verifyAuditChain(entries)).toMatchObject({ ok: true });
      const changed = entries.map((entry) =>
        entry.action === 'support.login' && entry.outcome === 'denied'
          ? { ...entry, outcome: 'allowed' }
          : entry,
      );
      expect(await verifyAuditChain(changed)).toMatchObject({ ok: false });
      const told = entries.map(
        ({ action, outcome, detail }) => `${action} ${outcome} ${detail['reason'] ?? detail['why'] ?? ''}`,
      );
      for (const line of [
        'support.grant allowed ',
        'support.connect allowed connected',
        'support.login allowed key_accepted',
        'support.login denied key_unknown',
        'support.revoke succeeded ',
        'support.ended succeeded revoked',
        'support.ended succeeded expired',
        'support.ended succeeded rebooted',
      ])
        expect(told).toContain(line);
      const theirs = await (await owned.person.fetch('/v1/audit-events?limit=200')).text();
      // A grant that never was belongs to nobody, so it stands in nobody's record.
      for (const word of ['grant_token_invalid', 'grant_ended', 'key_unknown', 'key_accepted'])
        expect(theirs).toContain(word);
    });
  });

  describe('a signed statement', () => {
    const attest = async () => {
      const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url');
      const answer = await command('instance.attest', { nonce });
      const asked = { instanceId: owned.instanceId, nonce, now: Date.now() };
      const check = await checkAttestation(answer, asked);
      if (!check.ok) throw new Error(check.why);
      const forged = { ...answer, statement: answer.statement.replace('"masked"', '"absent"') };
      expect(await checkAttestation(forged, asked)).toMatchObject({ ok: false });
      return check.statement;
    };

    test('says what runs, and is the instance’s own', async () => {
      const statement = await attest();
      expect(statement).toMatchObject({
        agent: { sha256: owned.sha256, publishedSha256: owned.sha256 },
        openclaw: { version: expect.stringMatching(/^\d{4}\./) },
        sshd: 'masked',
        authorisedKeys: [],
        usersWithShell: ['root'],
        firewall: { inbound: 'drop' },
        grants: [],
      });
      expect(statement.sockets.every(({ local }) => /^(127\.|\[::1\])/.test(local))).toBe(true);
      expect(statement.enabledUnits).toContain('claw-agent.service');
    });

    test('shows a grant, a key, a user and a socket that somebody added', async () => {
      const granted = await grant();
      await owned.machine.run(
        `useradd --shell /bin/bash intruder && mkdir -p /root/.ssh && echo '${publicKey('other')}' >/root/.ssh/authorized_keys && systemd-run --quiet --unit=listener socat TCP-LISTEN:4444,fork -`,
      );
      await owned.machine.until('ss -Hltn "sport = :4444" | grep -q .', 60_000);
      const statement = await attest();
      expect(statement.grants).toMatchObject([{ id: granted.id }]);
      expect(statement.usersWithShell).toContain('intruder');
      expect(statement.authorisedKeys.map(({ user }) => user)).toEqual(
        expect.arrayContaining(['root', `support:${granted.id}`]),
      );
      expect(statement.sockets).toContainEqual({
        protocol: 'tcp',
        local: '0.0.0.0:4444',
        process: 'listener.service',
      });
      await owned.machine.run('systemctl stop listener; userdel intruder; rm /root/.ssh/authorized_keys');
      await command('support.revoke', { grantId: granted.id });
    });
  });

  describe('ejection', () => {
    const openPorts = async (): Promise<string[]> => {
      const argv = [process.execPath, scanner, owned.machine.ipv4];
      const { code, stdout, stderr } = await owned.lab.outside(argv, { timeoutMs: 240_000 });
      if (code !== 0) throw new Error(stderr);
      return stdout.split('\n').filter((line) => line !== '');
    };
    const asOwner = (script: string, key = 'owner') =>
      owned.lab.outside(
        [
          ...['ssh', '-F', 'none', '-i', keyFile(key), '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'],
          ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
          ...['-o', 'ConnectTimeout=5', `root@${owned.machine.ipv4}`, script],
        ],
        { timeoutMs: 60_000 },
      );

    test('gives the machine to its owner, over a power cut in the middle', async () => {
      const { machine } = owned;
      await expect(
        command('instance.eject', { publicKey: 'ssh-ed25519 AAAAnonsense', confirm: 'eject' }),
      ).rejects.toMatchObject({ code: 'invalid_request' });
      expect(await command('instance.eject', { publicKey: publicKey('owner'), confirm: 'eject' })).toEqual({
        ok: true,
      });
      await machine.until('ss -Hltn "sport = :22" | grep -q .', 60_000);
      await machine.powerOff('pull');
      await machine.powerOn();
      await machine.until('! test -e /var/lib/claw-eject && systemctl is-active ssh.service', 120_000);

      expect(await asOwner('id -u')).toMatchObject({ code: 0, stdout: '0\n' });
      expect((await asOwner('id -u', 'granted')).code).toBe(255);
      expect(await openPorts()).toEqual(['22']);
      const left = await asOwner(
        'ls -d /opt/claw/agent /var/lib/claw /var/lib/claw-root /etc/claw; systemctl list-units --all --plain --no-legend "claw-*"; getent passwd claw-agent claw-support; nft list table inet claw; ls /etc/systemd/system | grep -E "^claw-(agent|root|bootstrap|eject)"',
      );
      expect(
        left.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('claw-mounts')),
      ).toEqual([]);
      expect((await asOwner('ls /root/claw-records/audit/audit.jsonl /root/claw-records/support')).code).toBe(
        0,
      );
    });

    test('leaves OpenClaw running by itself, at the next boot too', async () => {
      const alive =
        'systemctl is-active openclaw-gateway.service && curl -sf -o /dev/null http://127.0.0.1:18789/readyz';
      await owned.machine.until(alive, 120_000);
      await owned.machine.reboot();
      await owned.machine.until(`${alive} && systemctl is-active ssh.service`, 120_000);
      expect(await owned.machine.run('systemctl list-units --failed --plain --no-legend')).toBe('');
      expect(await asOwner('cat /proc/1/comm')).toMatchObject({ code: 0 });
      expect(await openPorts()).toEqual(['22']);
    });

    test('has told the control plane, which keeps no tunnel', async () => {
      await until(
        async () => owned.api.counts().tunnels,
        (tunnels) => tunnels === 0,
        60_000,
      );
      const theirs = await (await owned.person.fetch('/v1/audit-events?limit=200')).text();
      expect(theirs).toContain('instance.eject');
    });
  });
});
