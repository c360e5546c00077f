import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FirstBoot, openFirstBoot, type Server } from '../testing/first-boot.ts';

/** The promise is a minute on a quiet computer with warm mirrors; a test's computer is neither. */
const limitSeconds = 600;

let rig: FirstBoot;
beforeAll(async () => {
  rig = await openFirstBoot('test-artifacts/machines/first-boot');
});
afterAll(() => rig?.close());

async function isWhole({ machine, controlPlane }: Server): Promise<void> {
  await machine.until('test -e /etc/claw/bootstrap.done', 120_000);
  expect(await machine.cloudInit(120_000)).toBe('done');
  const schema = await machine.run('cloud-init schema --system 2>&1');
  expect(schema).toMatch(/Valid (schema user-data|cloud-config)/i);
  expect(schema).not.toMatch(/warn|deprecat|invalid/i);
  expect(await machine.run('systemctl list-units --failed --no-legend --plain')).toBe('');
  expect(await machine.run('systemctl is-active nftables claw-agent openclaw-gateway claw-root.socket')).toBe(
    'active\nactive\nactive\nactive',
  );
  expect(controlPlane.phases.filter(({ status }) => status === 'failed')).toEqual([]);
  const seen = new Set(controlPlane.phases.map(({ phase }) => phase));
  for (const phase of [
    'booting',
    'fetching',
    'hardening',
    'installing',
    'starting',
    'warming',
    'registering',
  ])
    expect(seen).toContain(phase);
}

test('Debian 13 with nothing on it registers, with a real OpenClaw by its lockfile', {
  timeout: (limitSeconds + 300) * 1000,
}, async () => {
  const begun = Date.now();
  const server = await rig.start({ name: 'cold', openclaw: 'none' });
  await server.registered(limitSeconds * 1000);
  const seconds = (Date.now() - begun) / 1000;
  const times = server.controlPlane.phases
    .filter(({ elapsedMs, status }) => status === 'finished' && elapsedMs !== undefined)
    .map(({ phase, elapsedMs = 0 }) => `${phase} ${(elapsedMs / 1000).toFixed(1)} s`);
  process.stdout.write(`first boot: ${seconds.toFixed(1)} s to registered (${times.join(', ')})\n`);
  expect(seconds).toBeLessThan(limitSeconds);
  await isWhole(server);
  const { machine } = server;
  // What the console of the cloud shows to an owner whom nothing ever reaches.
  await expect
    .poll(() => machine.console(), { timeout: 60_000 })
    .toMatch(/claw: first boot of ins_[\s\S]*claw: done in \d+ s/);
  expect(await machine.run('curl -s http://127.0.0.1:18789/readyz')).toContain('"ready":true');
  expect(
    await machine.run('stat -c %U /opt/claw/openclaw/current/ && find -L /opt/claw/store -not -user root'),
  ).toBe('root');
  // Readable by OpenClaw's user, written by root alone.
  expect(await machine.run('find /opt/claw -xdev -perm /022 -not -type l | head')).toBe('');
  await machine.destroy();
});

test('Debian 12 registers from the same user-data', {
  timeout: (limitSeconds + 300) * 1000,
}, async () => {
  await rig.lab.prepare('bookworm');
  const server = await rig.start({ name: 'bookworm', release: 'bookworm' });
  await server.registered();
  await isWhole(server);
  expect(await server.machine.run('nft list table inet claw')).toContain('policy drop');
  expect(await server.machine.run('findmnt -no OPTIONS /tmp')).toContain('noexec');
  await server.machine.destroy();
});
