import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { LabMachine, MachineStart } from '../../lab/index.ts';
import { type FirstBoot, openFirstBoot, type Server } from '../testing/first-boot.ts';
import { manifestOf } from '../testing/manifest.ts';

/** Ten minutes are the promise; the same settings are exercised by less where time is short. */
const awaySeconds = Number(process.env['FIRST_BOOT_AWAY_SECONDS'] ?? 40);

/** Fewer attempts a run, and so more runs: what a fault of minutes would come to, in seconds. */
const quick = {
  '/etc/systemd/system/claw-bootstrap.service.d/quick.conf':
    '[Service]\nEnvironment=CLAW_FETCH_ATTEMPTS=2 CLAW_RETRY_SECONDS=1\nRestartSec=1\n',
};

let rig: FirstBoot;
let undisturbed: string;

beforeAll(async () => {
  rig = await openFirstBoot('test-artifacts/machines/first-boot-faults');
  const server = await rig.start({ name: 'undisturbed', imageFiles: quick });
  await finished(server);
  undisturbed = await manifestOf(server.machine);
  await server.machine.destroy();
});
afterEach(() => rig?.lab.world.mend());
afterAll(() => rig?.close());

async function finished(server: Server): Promise<void> {
  await server.registered();
  await server.machine.until('test -e /etc/claw/bootstrap.done', 120_000);
}

/** Ends like the undisturbed one, with nothing half done left. */
async function endsTheSame(server: Server): Promise<void> {
  await finished(server);
  expect(await manifestOf(server.machine)).toBe(undisturbed);
  expect(await server.machine.run('find /etc /opt/claw -xdev -name "*.part*"')).toBe('');
  expect(await server.machine.run('systemctl list-units --failed --no-legend --plain')).toBe('');
  await server.machine.destroy();
}

const start = (name: string, spec: Partial<MachineStart> & { away?: boolean } = {}) =>
  rig.start({ name, imageFiles: quick, ...spec });
const failures = (server: Server) => server.controlPlane.phases.filter(({ status }) => status === 'failed');

/** Asks every 50 ms, and is as quick as the moment it waits for. */
async function when(machine: LabMachine, command: string): Promise<void> {
  await machine.run(`until ${command}; do sleep 0.05; done`, { timeoutMs: 240_000 });
}

test('the power is cut in the middle, four times', async () => {
  const server = await start('power-cut');
  const { machine } = server;
  const moments = [
    // Files are written, commands haven't run; packages are unpacked; Node is here and the rest is not; services start.
    'test -s /opt/claw/bootstrap.sh',
    'grep -qsE "^(Unpacking|Setting up)" /run/claw-bootstrap/hardening.log',
    'test -e /opt/claw/node/current',
    'test -e /var/lib/claw/bootstrap.json',
  ];
  for (const moment of moments) {
    await when(machine, moment);
    await machine.powerOff('pull');
    await machine.powerOn();
  }
  await endsTheSame(server);
});

test('a power cut that left cloud-init’s files unwritten', async () => {
  const server = await start('unwritten');
  const { machine } = server;
  await when(machine, 'test -s /opt/claw/bootstrap.sh && test -s /etc/ssh/sshd_config.d/50-cloud-init.conf');
  // As a disk that had not been written to yet would have it; cloud-init has noted its files as written.
  await machine.run(
    'systemctl stop claw-bootstrap; rm -rf /opt/claw/bootstrap.sh /opt/claw/agent /opt/claw/node /etc/claw /etc/systemd/system/claw-bootstrap.service /etc/systemd/system/multi-user.target.d /etc/ssh/sshd_config.d/50-cloud-init.conf',
  );
  await machine.powerOff('pull');
  await machine.powerOn();
  await endsTheSame(server);
});

test('the disk is full', async () => {
  const server = await start('full-disk', { diskMb: 700 });
  const { machine } = server;
  await when(machine, 'test -e /run/claw-bootstrap/count');
  await machine.run('dd if=/dev/zero of=/root/filler bs=1M status=none; true');
  for (const end = Date.now() + 200_000; failures(server).length === 0; await pause(200))
    expect(Date.now(), await machine.console(6000)).toBeLessThan(end);
  await expect
    .poll(() => machine.console(), { timeout: 60_000 })
    .toMatch(/claw: (fetching|hardening|setting up) failed/);
  // Closed all the same: that needs no space.
  expect(await machine.run('systemctl is-enabled ssh.service || true')).toBe('masked');
  expect(failures(server)[0]).toMatchObject({ phase: expect.stringMatching(/fetching|hardening/) });
  expect(JSON.stringify(failures(server))).toMatch(/No space left|Failure writing|full/i);
  expect(JSON.stringify(server.controlPlane.phases)).not.toContain(server.birth.config.registrationToken);
  await machine.run('rm /root/filler');
  await endsTheSame(server);
});

test('the mirrors are broken, and then hang up in the middle', async () => {
  rig.lab.world.break('apt', '500', 4);
  rig.lab.world.break('npm', 'wrong-bytes', 3);
  const server = await start('broken-mirror');
  for (const end = Date.now() + 200_000; failures(server).length === 0; await pause(200))
    expect(Date.now(), await server.machine.console(6000)).toBeLessThan(end);
  rig.lab.world.break('apt', 'half', 2);
  rig.lab.world.break('npm', 'half', 2);
  await finished(server);
  const messages = failures(server).map(({ message }) => message);
  expect(messages.join()).toMatch(/SHA-512 is|could not be/);
  await endsTheSame(server);
});

test('names are not resolved until late', async () => {
  rig.lab.world.break('dns', 'refuse');
  const server = await start('late-dns');
  await when(server.machine, 'grep -qs "attempt 1 of" /run/claw-bootstrap/fetching.log');
  rig.lab.world.mend('dns');
  await endsTheSame(server);
});

test('something else holds dpkg’s lock', async () => {
  const server = await start('dpkg-lock', { boot: false });
  await server.machine.powerOn();
  const hold =
    'import fcntl, os, time; held = [open(f"/var/lib/dpkg/{name}", "w") for name in ("lock-frontend", "lock")]; [fcntl.lockf(file, fcntl.LOCK_EX) for file in held]; print("held", flush=True); [time.sleep(0.05) for _ in iter(lambda: os.path.exists("/run/let-go"), True)]';
  await server.machine.run(
    `systemd-run --quiet --collect --unit=other-apt python3 -c '${hold}'; until journalctl -u other-apt | grep -q held; do sleep 0.05; done`,
  );
  await when(server.machine, 'grep -qsi "lock" /run/claw-bootstrap/hardening.log');
  await server.machine.run('touch /run/let-go');
  await endsTheSame(server);
});

test(
  `the control plane is away for the first ${awaySeconds} seconds`,
  async () => {
    // With the product's own settings.
    const server = await rig.start({ name: 'away', away: true });
    await pause(awaySeconds * 1000);
    expect(server.controlPlane.registered()).toBeNull();
    rig.lab.world.mend('host');
    await server.registered((awaySeconds + 300) * 1000);
    await server.machine.until('test -e /etc/claw/bootstrap.done', 120_000);
    // The one file that this machine has not.
    const withoutQuick = undisturbed
      .split('\n')
      .filter((line) => !line.includes('claw-bootstrap.service.d'))
      .join('\n');
    expect(await manifestOf(server.machine)).toBe(withoutQuick);
    await server.machine.destroy();
  },
  (awaySeconds * 2 + 600) * 1000,
);
