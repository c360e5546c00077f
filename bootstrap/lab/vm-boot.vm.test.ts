import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, type LabMachine, openLab, whyNoLab } from './index.ts';

// An emulated processor needs a minute or two for what a real one does in ten seconds.
const minutes = 60_000;
const userData = `#cloud-config
runcmd:
- [sh, -c, "date +%s%N > /root/first-boot"]
`;
let lab: Lab;
let machine: LabMachine;

beforeAll(async () => {
  expect(whyNoLab()).toBeNull();
  lab = await openLab({ log: (line) => console.info(line), artefacts: 'test-artifacts/machines/vm-boot' });
  machine = await lab.start({
    name: 'vm',
    kind: 'vm',
    userData,
    openclaw: 'stand-in',
    imageFiles: { '/etc/claw/from-image': 'yes' },
  });
}, 25 * minutes);
afterAll(() => lab?.close(), minutes);

test(
  'an emulated computer boots Debian with its own kernel and runs its user-data',
  async () => {
    expect(await machine.cloudInit(10 * minutes)).toMatch(/^(degraded )?done$/);
    expect(await machine.run('uname -r')).toMatch(/cloud-amd64$/);
    expect(await machine.run('cat /root/first-boot /etc/claw/from-image')).toMatch(/^\d{19}\nyes$/);
    expect(await machine.run('ls /opt/claw/store/*/lib/node_modules/openclaw')).toContain('openclaw.mjs');
    expect(await machine.run('lsblk -nbdo SIZE /dev/vda; df --output=size -BG / | tail -1')).toMatch(
      / (9|10)G$/,
    );
    expect(await machine.exec('cat; exit 3', { input: 'in' })).toMatchObject({ code: 3, stdout: 'in' });
    expect(await machine.run(`curl -s -o /dev/null -w %{http_code} ${lab.world.npmRegistry}is-number`)).toBe(
      '200',
    );
    expect((await machine.exec(['curl', '-sS', '-m', '5', 'http://1.1.1.1/'])).code).toBe(7);
    const scan = `exec 3<>/dev/tcp/${machine.ipv6}/22 && head -c 4 <&3`;
    expect((await lab.outside(['bash', '-c', scan])).stdout).toBe('SSH-');
  },
  12 * minutes,
);

test(
  'it comes back from a reboot, and from a pulled plug, with its disk',
  async () => {
    const first = await machine.run('cat /root/first-boot');
    const before = machine.boots();
    await machine.reboot();
    expect(machine.boots()).toBe(before + 1);
    await machine.run('echo kept > /root/kept; sync');
    await machine.powerOff('pull');
    expect(await machine.isRunning()).toBe(false);
    await machine.powerOn();
    expect(await machine.run('cat /root/first-boot /root/kept')).toBe(`${first}\nkept`);
  },
  20 * minutes,
);
