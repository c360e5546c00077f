import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBase64Url } from '@claw-cloud/crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type FirstBoot, openFirstBoot, type Server } from '../../userdata/testing/first-boot.ts';
import { type OwnerDevice, openOwnerDevice } from '../testing/owner-device.ts';
import { listenToReports, type ReportListener } from '../testing/report-listener.ts';

/** Two minutes in earnest; long enough here for a good agent on a busy computer. */
const confirmSeconds = 30;
const settings = {
  '/etc/systemd/system/claw-agent.service.d/test.conf': `[Service]\nEnvironment=CLAW_AGENT_CONFIRM_SECONDS=${confirmSeconds}\n`,
};
let boot: FirstBoot;
let server: Server;
let reports: ReportListener;
let paired = false;

beforeAll(async () => {
  boot = await openFirstBoot('test-artifacts/machines/agent-update');
  server = await boot.start({ name: 'agent-update', imageFiles: settings });
  await server.registered();
  reports = listenToReports(server.controlPlane);
  await server.controlPlane.tunnel(60_000);
});
afterAll(async () => {
  reports?.close();
  await boot?.close();
});
beforeEach(() => reports.clear());
afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail') return;
  const units = ['claw-agent', 'claw-root', 'claw-agent-guard', 'openclaw-gateway'].map(
    (unit) => `-u ${unit}`,
  );
  process.stderr.write((await server.machine.exec(`journalctl --no-pager -n 100 ${units.join(' ')}`)).stdout);
});

/** Puts an agent on the control plane, under its digest or another's; gives the digest. */
function publish(content: string, sha256 = createHash('sha256').update(content).digest('hex')): string {
  writeFileSync(join(boot.bundles, `${sha256}.mjs`), content);
  return sha256;
}
const bundle = () => readFileSync(join(boot.bundles, `${boot.sha256}.mjs`), 'utf8');
const run = (command: string) => server.machine.run(command);
const current = async () => (await run('readlink /opt/claw/agent/current.mjs')).replace('.mjs', '');

async function owner(): Promise<OwnerDevice> {
  const device = await openOwnerDevice(await server.controlPlane.tunnel(120_000), {
    instanceId: server.birth.config.instanceId,
    deviceKeyPair: server.birth.deviceKeyPair,
    agentPublicKey: fromBase64Url(server.controlPlane.registered()?.agentPublicKey ?? ''),
    ...(paired ? {} : { pairingSecret: server.birth.pairingSecret }),
  });
  paired = true;
  return device;
}
async function update(sha256: string): Promise<unknown> {
  const device = await owner();
  try {
    return await device.command('agent.update', { sha256, version: '0.2.0' });
  } finally {
    device.close();
  }
}
/** The owner reaches an agent of this digest, whose gateway never stopped (or, null, was started by a boot). */
async function works(sha256: string, gatewayPid: string | null): Promise<void> {
  const device = await owner();
  // An agent that has just started has not asked the gateway yet, and says so.
  await expect
    .poll(() => device.command('instance.health'), { timeout: 60_000, interval: 250 })
    .toMatchObject({ agentSha256: sha256, gateway: 'ready' });
  device.close();
  expect(await current()).toBe(sha256);
  if (gatewayPid !== null)
    expect(await run('systemctl show -p MainPID --value openclaw-gateway')).toBe(gatewayPid);
  expect((await server.machine.exec('test -e /var/lib/claw-root/agent-pending.json')).code).toBe(1);
}
const gatewayPid = () => run('systemctl show -p MainPID --value openclaw-gateway');

test('another file than the one that was confirmed changes nothing', async () => {
  const sha256 = publish('console.log("not this one")', 'a'.repeat(64));
  await expect(update(sha256)).rejects.toMatchObject({ code: 'digest_mismatch' });
  await expect(update('b'.repeat(64))).rejects.toMatchObject({ code: 'version_unknown' });
  expect(await update(boot.sha256)).toEqual({ outcome: 'current' });
  await works(boot.sha256, await gatewayPid());
});

test('an agent that crashes as it starts is taken back, and why is told', async () => {
  const pid = await gatewayPid();
  const broken = publish('throw new Error("broken")');
  expect(await update(broken)).toEqual({ outcome: 'started' });
  expect(await reports.wait('agent_update', undefined, 180_000)).toEqual({
    kind: 'agent_update',
    from: boot.sha256,
    to: broken,
    outcome: 'rolled_back',
    reason: `The new agent did not confirm itself within ${confirmSeconds} s.`,
  });
  await works(boot.sha256, pid);
  expect(await run('ls /opt/claw/agent')).not.toContain(broken);
});

test('one that runs, and can’t reach the control plane, is taken back', async () => {
  const pid = await gatewayPid();
  const mute = publish(bundle().replaceAll('/v1/tunnel', '/v1/nowhere'));
  expect(mute).not.toBe(boot.sha256);
  await update(mute);
  await server.machine.until('journalctl -u claw-agent | grep "this agent is on trial"', 60_000);
  expect(await current()).toBe(mute);
  expect(await reports.wait('agent_update', undefined, 180_000)).toMatchObject({ outcome: 'rolled_back' });
  await works(boot.sha256, pid);
});

test('a power cut while a hung one is on trial ends with the one that works', async () => {
  const hung = publish('setInterval(() => undefined, 1e9)');
  await update(hung);
  await server.machine.until(`readlink /opt/claw/agent/current.mjs | grep ${hung}`, 60_000);
  await server.machine.powerOff('pull');
  await server.machine.powerOn();
  expect(await current()).toBe(hung);
  expect(await reports.wait('agent_update', undefined, 240_000)).toMatchObject({
    to: hung,
    outcome: 'rolled_back',
  });
  await works(boot.sha256, null);
});

test('a power cut between noting a switch and making it leaves the old one, which says so', async () => {
  await run(
    `printf '{"from":"%s","to":"%s","limitSeconds":30}' ${boot.sha256} ${'c'.repeat(64)} > /var/lib/claw-root/agent-pending.json && ln -sf ${boot.sha256}.mjs /opt/claw/agent/guard.mjs && sync`,
  );
  await server.machine.powerOff('pull');
  await server.machine.powerOn();
  expect(await reports.wait('agent_update', undefined, 180_000)).toMatchObject({
    outcome: 'rolled_back',
    reason: expect.stringContaining('power'),
  });
  await works(boot.sha256, null);
});

test('a good one takes over while the gateway goes on, and root follows it', async () => {
  const pid = await gatewayPid();
  const good = publish(`${bundle()}\n// newer\n`);
  const device = await owner();
  const steps: string[] = [];
  const answer = device.command('agent.update', { sha256: good, version: '0.2.0' });
  expect(await answer).toEqual({ outcome: 'started' });
  for (const frame of device.frames) if (frame.type === 'progress') steps.push(frame.step);
  expect(steps).toEqual(['fetch', 'stage', 'switch']);
  device.close();
  expect(await reports.wait('agent_update', undefined, 120_000)).toEqual({
    kind: 'agent_update',
    from: boot.sha256,
    to: good,
    outcome: 'succeeded',
    reason: null,
  });
  await works(good, pid);
  await server.machine.until(
    'ls -l /proc/$(systemctl show -p MainPID --value claw-root)/ >/dev/null && ! systemctl is-active claw-agent-guard',
    60_000,
  );
  expect((await run('ls /opt/claw/agent/*.mjs')).split('\n')).toHaveLength(4);
  // A second one keeps the last, and lets the first go.
  const better = publish(`${bundle()}\n// newest\n`);
  reports.clear();
  await update(better);
  expect(await reports.wait('agent_update', undefined, 120_000)).toMatchObject({
    to: better,
    outcome: 'succeeded',
  });
  await works(better, pid);
  const kept = await run('ls /opt/claw/agent');
  expect(kept).toContain(good);
  expect(kept).not.toContain(boot.sha256);
});
