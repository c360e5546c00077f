import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FirstBoot, openFirstBoot } from '../testing/first-boot.ts';

/** An emulated processor is some ten times slower: nothing here is about time. */
const limitMs = 1_500_000;

let rig: FirstBoot;
beforeAll(async () => {
  rig = await openFirstBoot('test-artifacts/machines/first-boot-vm');
});
afterAll(() => rig?.close());

test('a machine with Debian’s own kernel registers, with its swap, its limits and its modules', async () => {
  const server = await rig.start({ name: 'kernel', kind: 'vm', memoryMb: 2048, openclaw: 'stand-in' });
  const { machine } = server;
  await server.registered(limitMs);
  await machine.until('test -e /etc/claw/bootstrap.done', 300_000);
  expect(await machine.run('swapon --show=NAME --noheadings')).toBe('/swapfile');
  const limit = (unit: string) => machine.run(`cat /sys/fs/cgroup/system.slice/${unit}/memory.max`);
  expect(Number(await limit('claw-agent.service'))).toBe(512 * 2 ** 20);
  expect(Number(await limit('openclaw-gateway.service'))).toBeLessThan(2 ** 31);
  expect((await machine.exec('modprobe sctp')).code).not.toBe(0);
  for (const [key, value] of [
    ['kernel.kptr_restrict', '2'],
    ['kernel.yama.ptrace_scope', '2'],
    ['kernel.kexec_load_disabled', '1'],
    ['dev.tty.ldisc_autoload', '0'],
  ] as const)
    expect(await machine.run(`sysctl -n ${key}`)).toBe(value);
  expect(await machine.run('findmnt -no OPTIONS /tmp')).toMatch(/nosuid,nodev,noexec/);
  expect(await machine.run('nft list table inet claw')).toContain('policy drop');
  // Growth ends the unit, and not the machine.
  const code = await machine.exec(
    'systemd-run --quiet --wait -p MemoryMax=64M -p MemorySwapMax=0 python3 -c "b = bytearray(300 << 20)"',
    { timeoutMs: 300_000 },
  );
  expect(code.code).not.toBe(0);
  expect(await machine.run('systemctl is-active claw-agent openclaw-gateway')).toBe('active\nactive');
});
