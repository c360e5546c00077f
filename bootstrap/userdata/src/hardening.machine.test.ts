import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LabMachine } from '../../lab/index.ts';
import { type FirstBoot, openFirstBoot, type Server } from '../testing/first-boot.ts';

const scanner = new URL('../testing/scan.ts', import.meta.url).pathname;
let rig: FirstBoot;
let server: Server;
let machine: LabMachine;
/** The same image without our user-data: what the probes find where nobody has hardened anything. */
let plain: LabMachine;

beforeAll(async () => {
  rig = await openFirstBoot('test-artifacts/machines/hardening');
  [server, plain] = await Promise.all([
    rig.start({ name: 'hardened' }),
    rig.lab.start({ name: 'plain', userData: '#cloud-config\n{}\n' }),
  ]);
  machine = server.machine;
  await server.registered();
  await plain.cloudInit(120_000);
});
afterAll(() => rig?.close());

const scan = async (kind: 'tcp' | 'udp', address: string) => {
  const { stdout, stderr } = await rig.lab.outside([process.execPath, scanner, kind, address], {
    timeoutMs: 250_000,
  });
  expect(stderr.replace(/.*Warning.*\n?/g, '')).toBe('');
  return JSON.parse(stdout) as { open: number[]; answered: number[]; refused: number; asked: number };
};
/** Sockets that listen, each as `proto local-address`. */
const listening = async (where: LabMachine) =>
  (await where.run('ss -Htuln'))
    .split('\n')
    .map((line) => line.split(/\s+/))
    .map(([protocol, , , , local]) => `${protocol} ${local}`);
const isLoopback = (socket: string) =>
  /^\S+ (127\.[\d.]+(%lo)?|\[::1\]|\[::ffff:127\.[\d.]+\]):\d+$/.test(socket);

// Half a minute of waiting each, for ports that say nothing: side by side.
describe.concurrent('from outside', () => {
  test.each(['ipv4', 'ipv6'] as const)('no TCP port of 65,535 answers over %s', async (family) => {
    const control = await scan('tcp', plain[family]);
    expect(control.open).toContain(22);
    expect(control.refused).toBeGreaterThan(65_000);
    // The same without a connection taken or refused: there is nobody at home.
    expect(await scan('tcp', machine[family])).toEqual({ open: [], refused: 0 });
  });

  test.each(['ipv4', 'ipv6'] as const)('no UDP port of 200 answers over %s', async (family) => {
    expect((await scan('udp', plain[family])).refused).toBeGreaterThan(0);
    const { answered, refused, asked } = await scan('udp', machine[family]);
    expect([answered, refused]).toEqual([[], 0]);
    expect(asked).toBeGreaterThanOrEqual(190);
  });
});

describe('on the network', () => {
  test('it does not answer a ping, and reaches others', async () => {
    const ping = (from: LabMachine, address: string) => from.exec(['ping', '-c', '1', '-W', '2', address]);
    for (const family of ['ipv4', 'ipv6'] as const) {
      expect((await ping(machine, plain[family])).code).toBe(0);
      expect((await ping(plain, machine[family])).code).toBe(1);
    }
  });
});

describe('from inside', () => {
  test('only loopback listens', async () => {
    expect((await listening(plain)).some((socket) => /:22$/.test(socket) && !isLoopback(socket))).toBe(true);
    const sockets = await listening(machine);
    expect(sockets).toContain('tcp 127.0.0.1:18789');
    expect(sockets.filter((socket) => !isLoopback(socket))).toEqual([]);
  });

  test('the SSH daemon is masked, and nobody has a key, a password or a login', async () => {
    expect(await machine.run('systemctl is-enabled ssh.service ssh.socket || true')).toBe('masked\nmasked');
    expect((await machine.exec('pgrep -x sshd')).code).toBe(1);
    expect(await machine.run('find / -xdev -name "authorized_keys*" -size +0')).toBe('');
    expect(await machine.run("awk -F: '$2 !~ /^[!*]/ {print $1}' /etc/shadow")).toBe('');
    expect(
      await machine.run("grep -Ev ':(/usr/sbin/nologin|/bin/false|/bin/sync)$' /etc/passwd | cut -d: -f1"),
    ).toBe('root');
  });

  test('the metadata service is root’s alone', async () => {
    const ask = (user: string, where: LabMachine) =>
      where.exec(
        `setpriv --reuid=${user} --clear-groups curl -s -m 5 -o /dev/null -w '%{http_code}' http://169.254.169.254/hetzner/v1/userdata`,
      );
    expect((await ask('nobody', plain)).stdout).toBe('200');
    expect((await ask('root', machine)).stdout).toBe('200');
    for (const user of ['openclaw', 'claw-agent', 'nobody'])
      expect(await ask(user, machine)).toMatchObject({ code: 7, stdout: '000' });
    const copies = await machine.run('ls /var/lib/cloud/instance/user-data.txt* /etc/claw/bootstrap.json');
    for (const copy of copies.split('\n'))
      expect((await machine.exec(`setpriv --reuid=openclaw --clear-groups cat ${copy}`)).code).toBe(1);
    expect(await machine.readFile('/etc/claw/bootstrap.json')).not.toContain(
      server.birth.config.registrationToken,
    );
  });

  test('upgrades come by themselves, with a restart at night', async () => {
    const config = await machine.run('apt-config dump');
    expect(config).toContain('Unattended-Upgrade::Automatic-Reboot "true"');
    expect(config).toContain('Unattended-Upgrade::Automatic-Reboot-Time "03:40"');
    expect(
      await machine.run('systemctl is-enabled apt-daily-upgrade.timer apt-daily.timer unattended-upgrades'),
    ).toBe('enabled\nenabled\nenabled');
    // Names an origin that this release has, or it would never find anything to do.
    expect(await machine.run('unattended-upgrade --dry-run --debug 2>&1', { timeoutMs: 200_000 })).toMatch(
      /Allowed origins are: .*Debian-Security/,
    );
  });

  test('settings of kernel, mounts and journal hold', async () => {
    const settings = await machine.readFile('/etc/sysctl.d/60-claw.conf');
    const refused: string[] = [];
    for (const line of settings.split('\n').filter((text) => text.includes(' = '))) {
      const [key = '', value] = line.split(' = ');
      // A kernel built without a thing has no setting for it.
      if ((await machine.exec(['test', '-e', `/proc/sys/${key.replaceAll('.', '/')}`])).code !== 0) continue;
      const { stdout } = await machine.exec(['sysctl', '-n', key]);
      if (stdout.trim().replace(/\s+/g, ' ') !== value) refused.push(key);
    }
    // What a container can't be given: the emulated machine has a kernel of its own.
    expect(refused.filter((key) => !/^dev\.tty|mc_forwarding$|bpf_jit_harden$/.test(key))).toEqual([]);
    for (const mount of ['/tmp', '/dev/shm'])
      expect(await machine.run(`findmnt -no OPTIONS ${mount}`)).toMatch(/nosuid,nodev,noexec/);
    expect(await machine.run('systemd-analyze cat-config systemd/journald.conf')).toContain(
      'SystemMaxUse=200M',
    );
    expect(await machine.run('systemctl is-active systemd-journald systemd-resolved')).toBe('active\nactive');
    expect(await machine.run('systemctl is-enabled systemd-timesyncd')).toBe('enabled');
    expect(await machine.run('systemctl list-units --failed --no-legend --plain')).toBe('');
  });

  test('each service is under its own user, with as little as it needs', async () => {
    const exposure = async (unit: string) => {
      const text = await machine.run(`systemd-analyze security --no-pager ${unit} | tail -n 1`);
      return Number(/: ([\d.]+) /.exec(text)?.[1]);
    };
    expect(await exposure('claw-agent.service')).toBeLessThan(2);
    expect(await exposure('openclaw-gateway.service')).toBeLessThan(2);
    expect(await exposure('claw-root.service')).toBeLessThan(7);
    expect(await machine.run('stat -c %U /proc/$(systemctl show -P MainPID openclaw-gateway)')).toBe(
      'openclaw',
    );
    expect(await machine.run('stat -c %U /proc/$(systemctl show -P MainPID claw-agent)')).toBe('claw-agent');
    // The token is a credential: in no unit's environment, and in no process's.
    const token = (await machine.readFile('/etc/claw/gateway.token')).trim();
    const environments = await machine.run("cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'");
    expect(environments).toContain('OPENCLAW_CONFIG_PATH');
    expect(environments).not.toContain(token);
  });

  test('Lynis finds at least 80 of 100, and every suggestion has its answer', async () => {
    await machine.run('apt-get -q -y install --no-install-recommends lynis', { timeoutMs: 200_000 });
    await machine.run('lynis audit system --quick --no-colors', { timeoutMs: 290_000 });
    const report = await machine.readFile('/var/log/lynis-report.dat');
    expect(Number(/^hardening_index=(\d+)$/m.exec(report)?.[1])).toBeGreaterThanOrEqual(80);
    const found = [...report.matchAll(/^(?:suggestion|warning)\[\]=([A-Z0-9-]+)\|/gm)].map(([, id]) => id);
    const guide = readFileSync('docs/hardening.md', 'utf8');
    const answered = new Set([...guide.matchAll(/^\| `([A-Z]+(?:-\d+)?)` \|/gm)].map(([, id]) => id));
    expect(found.filter((id) => !answered.has(id))).toEqual([]);
  });

  test('stays closed and serves again after a restart, without a first boot of its own', async () => {
    const before = server.controlPlane.tunnels();
    await machine.reboot();
    await server.tunnelsAbove(before);
    for (const unit of ['openclaw-gateway', 'claw-agent', 'nftables'])
      await machine.until(`systemctl is-active ${unit}`, 60_000);
    expect((await listening(machine)).filter((socket) => !isLoopback(socket))).toEqual([]);
    expect(await machine.run('nft list table inet claw')).toContain('policy drop');
    expect(await machine.run('systemctl show -P ConditionResult claw-bootstrap')).toBe('no');
    for (const mount of ['/tmp', '/dev/shm'])
      expect(await machine.run(`findmnt -no OPTIONS ${mount}`)).toMatch(/nosuid,nodev,noexec/);
    expect(await machine.run('systemctl list-units --failed --no-legend --plain')).toBe('');
  });
});
