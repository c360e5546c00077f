import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, type LabMachine, openLab, whyNoLab } from './index.ts';
import { runProgram } from './program.ts';

const userData = `#cloud-config
runcmd:
- [sh, -c, "date +%s%N > /root/first-boot"]
`;
const artefacts = 'test-artifacts/machines/lab';
let lab: Lab;
let machine: LabMachine;
let host: Server;
let port: number;

/** What of a lab can be left on this computer. */
async function traces(number: number | string): Promise<string> {
  const look = `
    ip netns list | grep -E '^claw${number}(-| |$)'
    grep -E '^claw-lab-${number} ' /proc/mounts
    ip -o addr show dev lo | grep '10\\.77\\.${Number(number) + 100}\\.'
    find /sys/fs/cgroup -maxdepth 2 -name 'claw-lab-${number}'
    ps -eo args | grep -E 'machine=claw${number}-|slot-warden.sh ${number} ' | grep -v grep
    find /run/claw-lab -name '${number}.folder'
    true`;
  return (await runProgram(['sh', '-c', look])).stdout;
}
const numberOf = (lab: Lab) => lab.namespace.replace('claw', '');

beforeAll(async () => {
  expect(whyNoLab()).toBeNull();
  host = createServer((_request, response) => void response.end('from the host'.repeat(100)));
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  port = (host.address() as AddressInfo).port;
  lab = await openLab({ artefacts });
  machine = await lab.start({ name: 'one', userData, imageFiles: { '/etc/from-image': 'yes' } });
});
afterAll(async () => {
  await lab?.close();
  host?.close();
});

describe('a machine', () => {
  test('is a Debian with systemd that ran its user-data', async () => {
    expect(await machine.cloudInit(120_000)).toBe('done');
    expect(await machine.run('cat /root/first-boot /etc/from-image')).toMatch(/^\d{19}\nyes$/);
    expect(await machine.run('hostname; . /etc/os-release; echo $VERSION_CODENAME')).toBe('one\ntrixie');
    expect(await machine.run('systemctl list-units --failed --no-legend')).toBe('');
    expect(await machine.run('command -v nft || echo none')).toBe('none');
  });

  test('runs commands with their input, code and time limit', async () => {
    expect(await machine.exec('cat; echo no >&2; exit 3', { input: 'in' })).toEqual({
      code: 3,
      stdout: 'in',
      stderr: 'no\n',
    });
    expect(await machine.exec(['echo', 'a b'])).toMatchObject({ code: 0, stdout: 'a b\n' });
    expect((await machine.exec('sleep 60', { timeoutMs: 300 })).code).toBe(124);
    await expect(machine.run('echo why; false')).rejects.toThrow(/ended with 1: why/);
    await machine.writeFile('/root/deep/file', 'text', 0o600);
    expect(await machine.readFile('/root/deep/file')).toBe('text');
    expect(await machine.run('stat -c %a /root/deep/file')).toBe('600');
  });

  test('answers on its network over IPv4 and IPv6, and nothing else does', async () => {
    const connects = `
      const net = require('node:net');
      const [host, port] = process.argv.slice(1);
      const socket = net.connect({ host, port, timeout: 3000 });
      const end = (word) => { console.log(word); process.exit(0); };
      socket.on('connect', () => end('open')).on('error', (e) => end(e.code)).on('timeout', () => end('silent'));`;
    const from = async (address: string, port: number) =>
      (await lab.outside([process.execPath, '-e', connects, address, String(port)])).stdout.trim();
    expect(await from(machine.ipv4, 22)).toBe('open');
    expect(await from(machine.ipv6, 22)).toBe('open');
    expect(await from(machine.ipv6, 23)).toBe('ECONNREFUSED');
  });

  test('reaches this computer where that was exposed, and nothing beyond', async () => {
    const origin = await lab.expose(port);
    expect(await lab.expose(port)).toBe(origin);
    expect(await machine.run(['curl', '-sS', origin])).toContain('from the host');
    expect(await machine.run(['curl', '-sS', origin.replace(lab.hostAddress, 'host.lab.test')])).toContain(
      'from the host',
    );
    expect(await (await fetch(origin)).text()).toContain('from the host');
    for (const address of ['1.1.1.1', '127.0.0.2', `${lab.hostAddress}:${port}`, '[2606:4700::1111]']) {
      const { code, stdout } = await machine.exec(['curl', '-sS', '-m', '5', `http://${address}/`]);
      expect([address, code, stdout]).toEqual([address, 7, '']);
    }
    expect(await machine.run('curl -s -o /dev/null -w %{http_code} http://elsewhere.test/')).toBe('403');
  });

  test('is told about itself by the metadata service', async () => {
    expect(await machine.run('curl -sS http://169.254.169.254/hetzner/v1/userdata')).toBe(userData.trim());
    expect(await machine.run('curl -sS http://169.254.169.254/latest/meta-data/hostname')).toBe('one');
  });

  test('keeps its settings of the kernel to itself', async () => {
    const here = (await runProgram(['cat', '/proc/sys/kernel/kptr_restrict'])).stdout;
    expect(await machine.run('cat /proc/sys/kernel/hostname')).toBe('one');
    const two = await machine.run(
      'cat /proc/sys/kernel/random/uuid /proc/sys/kernel/random/uuid | uniq | wc -l',
    );
    expect(two).toBe('2');
    await machine.run('sysctl -w kernel.kptr_restrict=2 net.ipv4.tcp_syncookies=0');
    expect(await machine.run('cat /proc/sys/kernel/kptr_restrict')).toBe('2');
    expect((await runProgram(['cat', '/proc/sys/kernel/kptr_restrict'])).stdout).toBe(here);
  });

  test('has no power over the clock of this computer, whoever runs a command in it', async () => {
    const bounds = await machine.run('grep -h CapBnd /proc/1/status /proc/self/status | uniq | cut -f2');
    const powers = BigInt(`0x${bounds}`);
    const [netAdmin, sysModule, sysTime] = [12n, 16n, 25n].map((bit) => (powers >> bit) & 1n);
    expect({ netAdmin, sysModule, sysTime }).toEqual({ netAdmin: 1n, sysModule: 0n, sysTime: 0n });
    expect(await machine.run('grep -h CapEff /proc/self/status | cut -f2')).toBe(bounds);
  });

  test('comes back from a reboot and from a pulled plug with its disk', async () => {
    const first = await machine.run('cat /root/first-boot');
    await machine.run('echo net.ipv4.tcp_syncookies=0 > /etc/sysctl.d/60-own.conf');
    const before = machine.boots();
    const bootId = await machine.run('cat /proc/sys/kernel/random/boot_id');
    await machine.reboot();
    expect(await machine.run('cat /proc/sys/kernel/random/boot_id')).not.toBe(bootId);
    expect(machine.boots()).toBe(before + 1);
    await machine.run('echo kept > /root/kept; (sleep 300 >/dev/null 2>&1 &)');
    await machine.powerOff('pull');
    expect(await machine.isRunning()).toBe(false);
    await expect(machine.exec('true')).rejects.toThrow(/is off/);
    await machine.powerOn();
    expect(await machine.cloudInit(120_000)).toBe('done');
    expect(await machine.run('cat /root/first-boot /root/kept')).toBe(`${first}\nkept`);
    expect(await machine.run('systemctl list-units --failed --no-legend')).toBe('');
    await machine.powerOff('shutdown');
    expect(await machine.isRunning()).toBe(false);
    expect(await machine.console()).toMatch(/Debian GNU\/Linux 13/);
    await machine.powerOn();
  });
});

describe('the world', () => {
  test('serves packages of Debian and of npm from its own mirrors', async () => {
    await machine.run('apt-get update -qq && apt-get install -y -qq --no-install-recommends nftables', {
      timeoutMs: 120_000,
    });
    expect(await machine.run('nft --version')).toMatch(/^nftables/);
    const packument = await machine.run(['curl', '-sSf', `${lab.world.npmRegistry}is-number`]);
    const { versions } = JSON.parse(packument) as { versions: Record<string, { dist: { tarball: string } }> };
    expect(versions['7.0.0']!.dist.tarball).toBe(`${lab.world.npmRegistry}is-number/-/is-number-7.0.0.tgz`);
    expect(await machine.run(`curl -sSf ${versions['7.0.0']!.dist.tarball} | tar -tz`)).toMatch(
      /package.json/,
    );
    const asked = lab.world.requests().filter(({ from }) => from === machine.ipv4);
    expect(asked.some(({ url, status }) => url.endsWith('.deb') && status === 200)).toBe(true);
  });

  test('serves made-up versions of a package before the true ones', async () => {
    const tarball = gzipSync('made up');
    lab.world.publish({ name: 'is-number', version: '99.0.0', tarball, manifest: { bin: { x: 'x' } } });
    const text = await machine.run(['curl', '-sSf', `${lab.world.npmRegistry}is-number/99.0.0`]);
    const { dist, bin } = JSON.parse(text) as { dist: { tarball: string; integrity: string }; bin: object };
    expect(bin).toEqual({ x: 'x' });
    expect(await machine.run(`curl -sSf ${dist.tarball} | gunzip`)).toBe('made up');
    const digest = await machine.run(`curl -sSf ${dist.tarball} | openssl dgst -sha512 -binary | base64 -w0`);
    expect(dist.integrity).toBe(`sha512-${digest}`);
  });

  test('breaks as it is told to, and mends', async () => {
    const address = `${lab.world.npmRegistry}is-number/-/is-number-7.0.0.tgz`;
    const ask = () =>
      machine.exec(
        `curl -sS -m 2 -o /root/got -w %{http_code} ${address}; code=$?; sha256sum </root/got; exit $code`,
      );
    const good = (await ask()).stdout;
    lab.world.break('npm', 'refuse');
    expect((await ask()).code).not.toBe(0);
    lab.world.break('npm', '500', 1);
    expect((await ask()).stdout).toMatch(/^500/);
    expect((await ask()).stdout).toBe(good);
    lab.world.break('npm', 'half', 1);
    expect([18, 56]).toContain((await ask()).code);
    lab.world.break('npm', 'wrong-bytes', 1);
    const wrong = (await ask()).stdout;
    expect(wrong).toMatch(/^200/);
    expect(wrong).not.toBe(good);
    lab.world.break('npm', 'hang', 1);
    expect((await ask()).code).toBe(28);
    lab.world.break('dns', 'refuse');
    expect((await machine.exec('getent hosts registry.lab.test')).code).not.toBe(0);
    lab.world.mend();
    expect((await ask()).stdout).toBe(good);
  });

  test('cuts and freezes living connections to this computer', async () => {
    const origin = await lab.expose(port);
    const get = () => machine.exec(['curl', '-sS', '-m', '2', origin]);
    lab.world.break('host', 'refuse');
    expect([7, 56]).toContain((await get()).code);
    lab.world.break('host', 'hang');
    expect((await get()).code).toBe(28);
    const waiting = machine.exec(['curl', '-sS', '-m', '30', origin]);
    await pause(500);
    lab.world.mend();
    expect((await waiting).stdout).toContain('from the host');
  });
});

describe('labs', () => {
  test('two at once keep to themselves, on a small disk too; bookworm boots', async () => {
    const other = await openLab();
    const number = numberOf(other);
    try {
      const second = await other.start({ name: 'one', userData, diskMb: 200, release: 'bookworm' });
      expect(second.ipv4).not.toBe(machine.ipv4);
      expect(await second.cloudInit(120_000)).toBe('done');
      expect(await second.run('. /etc/os-release; echo $VERSION_CODENAME')).toBe('bookworm');
      expect((await second.exec('head -c 300M /dev/zero >/root/big')).stderr).toMatch(/No space left/);
      expect((await second.exec(['curl', '-sS', '-m', '5', `http://${machine.ipv4}:22/`])).code).toBe(7);
      const neighbour = await other.start({ userData, openclaw: 'stand-in' });
      expect(await neighbour.run('ls /opt/claw/store')).toMatch(/^openclaw-\d/);
      expect(await neighbour.cloudInit(120_000)).toBe('done');
      expect((await neighbour.exec(['ping', '-c1', '-W5', second.ipv6])).code).toBe(0);
      await second.destroy();
      expect(other.machines()).toEqual([neighbour]);
    } finally {
      await other.close();
    }
    expect(await traces(number)).toBe('');
    expect(await machine.run('echo still here')).toBe('still here');
  });

  test('a lab whose process is killed leaves nothing', async () => {
    const script = `
      import { openLab } from ${JSON.stringify(new URL('index.ts', import.meta.url).href)};
      const lab = await openLab();
      await lab.start({ userData: '#cloud-config' });
      console.log(lab.namespace);
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { detached: true });
    const namespace = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', (chunk) => resolve(String(chunk).trim()));
      child.once('exit', () => reject(new Error('it ended')));
    });
    const number = namespace.replace('claw', '');
    expect(await traces(number)).toContain(`machine=${namespace}-`);
    process.kill(-child.pid!, 'SIGKILL');
    const end = Date.now() + 90_000;
    while ((await traces(number)) !== '' && Date.now() < end) await pause(100);
    expect(await traces(number)).toBe('');
  });

  test('nothing is left after the end but the serial log', async () => {
    const number = numberOf(lab);
    expect(await traces(number)).not.toBe('');
    await lab.close();
    expect(await traces(number)).toBe('');
    expect((await runProgram(['cat', `${artefacts}/one.log`])).stdout).toMatch(/Debian GNU\/Linux 13/);
  });
});
