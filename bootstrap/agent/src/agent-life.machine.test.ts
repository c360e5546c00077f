import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http2';
import { InstanceHealth } from '@claw-cloud/contracts';
import { fromBase64Url, toBase64Url } from '@claw-cloud/crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type FirstBoot, openFirstBoot, type Server } from '../../userdata/testing/first-boot.ts';
import { openOwnerDevice } from '../testing/owner-device.ts';
import { listenToReports, type ReportListener } from '../testing/report-listener.ts';
import { askAgent } from '../testing/tunnel-pair.ts';

/** A machine with a light stand-in for OpenClaw, checked every four seconds instead of every twenty. */
const settings = {
  '/etc/systemd/system/claw-agent.service.d/test.conf': '[Service]\nEnvironment=CLAW_HEALTH_SECONDS=4\n',
};
let boot: FirstBoot;
let server: Server;
let reports: ReportListener;
let agentPublicKey: string;

beforeAll(async () => {
  boot = await openFirstBoot('test-artifacts/machines/agent-life');
  server = await boot.start({ name: 'agent-life', imageFiles: settings });
  await server.registered();
  reports = listenToReports(server.controlPlane);
  await server.controlPlane.tunnel(60_000);
  agentPublicKey = server.controlPlane.registered()?.agentPublicKey ?? '';
});
afterAll(async () => {
  reports?.close();
  await boot?.close();
});
beforeEach(() => reports.clear());
afterEach(async ({ task }) => {
  boot.lab.world.mend();
  if (task.result?.state === 'fail')
    process.stderr.write(
      (
        await server.machine.exec(
          'journalctl --no-pager -n 120 -u claw-agent -u claw-root -u openclaw-gateway',
        )
      ).stdout,
    );
});

let paired = false;
async function owner() {
  const device = await openOwnerDevice(await server.controlPlane.tunnel(60_000), {
    instanceId: server.birth.config.instanceId,
    deviceKeyPair: server.birth.deviceKeyPair,
    agentPublicKey: fromBase64Url(agentPublicKey),
    ...(paired ? {} : { pairingSecret: server.birth.pairingSecret }),
  });
  paired = true;
  return device;
}
const run = (command: string) => server.machine.run(command);
const gatewayPid = () => run('systemctl show -p MainPID --value openclaw-gateway');
const agentPid = () => run('systemctl show -p MainPID --value claw-agent');
const heartbeat = (pick: (health: InstanceHealth) => boolean, limitMs = 90_000) =>
  reports.wait('heartbeat', ({ health }) => pick(health), limitMs);
/** Asks the agent how it is until `pick` agrees: sooner than a heartbeat. */
const health = async (
  pick: (health: InstanceHealth) => boolean,
  limitMs = 90_000,
): Promise<InstanceHealth> => {
  let last: unknown;
  await vi.waitFor(
    async () => {
      const session = await server.controlPlane.tunnel(5000);
      last = (await askAgent(session, 'GET', '/health')).body;
      expect(pick(InstanceHealth.parse(last))).toBe(true);
    },
    { timeout: limitMs, interval: 300 },
  );
  return InstanceHealth.parse(last);
};
/** The gateway serves, and the agent has seen so. */
const served = () =>
  health(({ gateway, gatewayCheck }) => gateway === 'ready' && (gatewayCheck?.lastOkSecondsAgo ?? 9) < 4);
/** A new tunnel after `before` were made. */
const backAgain = async (before: number, limitMs = 150_000) => {
  await vi.waitFor(() => expect(server.controlPlane.tunnels()).toBeGreaterThan(before), { timeout: limitMs });
  return server.controlPlane.tunnel(60_000);
};
/** What a unit logs from here on. */
const journal = async (unit = 'claw-agent') => {
  const since = await run('date +%s.%N');
  return (pattern: string) =>
    server.machine.until(`journalctl --since @${since} -u ${unit} | grep -E '${pattern}'`, 120_000);
};

test('heartbeats say how machine, agent and gateway are, and not one word of content', async () => {
  const device = await owner();
  await device.wait(
    'the gateway',
    (frame) => frame.type === 'gateway.status' && frame.status === 'connected',
  );
  await device.request('chat.send', { sessionKey: 'agent:main:heron', message: 'The heron flies at dawn.' });
  // After a whole check: the memory is looked at last.
  const { health: beat } = await heartbeat(
    ({ gatewayCheck }) => gatewayCheck?.lastOkSecondsAgo !== null && gatewayCheck?.memoryMb !== null,
  );
  expect(InstanceHealth.strict().parse(beat)).toMatchObject({
    agentVersion: '0.1.0',
    openclawVersion: '2026.9.6',
    agentSha256: boot.sha256,
    gateway: 'ready',
    machine: {
      kind: 'server',
      bootId: await run('cat /proc/sys/kernel/random/boot_id'),
      rebootRequired: false,
    },
    gatewayCheck: { missesInARow: 0, restarts: 0, lastRestartReason: null },
  });
  expect(beat.machine?.memoryTotalMb).toBeGreaterThan(500);
  expect(beat.machine?.diskFreeMb).toBeGreaterThan(100);
  expect(beat.gatewayCheck?.memoryMb).toBeGreaterThan(20);
  expect(reports.lines.join()).not.toMatch(/heron|dawn|agent:main/);
  device.close();
});

test('a gateway that hangs misses three checks, is restarted, and everybody hears why', async () => {
  const device = await owner();
  const pid = await gatewayPid();
  await run(`kill -STOP ${pid}`);
  // It listens still: only an answer tells that it lives.
  await run('ss -tln | grep -q 127.0.0.1:18789');
  expect(await reports.wait('gateway_restarted')).toEqual({
    kind: 'gateway_restarted',
    reason: 'unhealthy',
    missesInARow: 3,
  });
  await device.wait(
    'the notice',
    (frame) => frame.type === 'notice' && frame.notice.kind === 'gateway_restarted',
  );
  const { gatewayCheck } = await health((now) => now.gateway === 'ready' && now.gatewayCheck?.restarts === 1);
  expect(gatewayCheck).toMatchObject({ lastRestartReason: 'unhealthy', missesInARow: 0 });
  expect(await gatewayPid()).not.toBe(pid);
  device.close();
});

test('a gateway that crashes is started by systemd, and told as a crash', async () => {
  const pid = await gatewayPid();
  await served();
  await run(`kill -SEGV ${pid}`);
  expect(await reports.wait('gateway_restarted')).toMatchObject({ reason: 'crashed' });
  await served();
  expect(await gatewayPid()).not.toBe(pid);
});

test('owner and control plane may ask for a restart, the latter once a minute', async () => {
  const pid = await gatewayPid();
  const session = await server.controlPlane.tunnel(60_000);
  const ask = async () => {
    const stream = session.request({ ':method': 'POST', ':path': '/gateway/restart' }, { endStream: true });
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    stream.resume();
    return Number(headers[':status']);
  };
  expect(await ask()).toBe(202);
  expect(await ask()).toBe(429);
  await reports.wait('gateway_restarted', ({ reason }) => reason === 'control_plane');
  expect(await gatewayPid()).not.toBe(pid);
  const device = await owner();
  expect(await device.command('gateway.restart')).toEqual({ ok: true });
  await reports.wait('gateway_restarted', ({ reason }) => reason === 'owner');
  device.close();
});

test('with the control plane away the gateway goes on, and reports wait until it is back', async () => {
  const { lab } = boot;
  await served();
  await server.machine.until('test "$(ls /var/lib/claw/outbox | wc -l)" = 0', 30_000);
  reports.clear();
  const [agent, gateway] = [await journal(), await journal('openclaw-gateway')];
  lab.world.break('host', 'refuse');
  server.controlPlane.cutTunnel();
  await agent('no tunnel:');
  await run(`kill -SEGV ${await gatewayPid()}`);
  await server.machine.until('test "$(ls /var/lib/claw/outbox | wc -l)" = 1', 60_000);
  await gateway('listens on');
  // Its loss outlives the agent too, and the agent's end isn't the gateway's.
  const pid = await gatewayPid();
  const restarted = await journal();
  await run('systemctl restart claw-agent');
  await restarted('no tunnel:');
  expect(await gatewayPid()).toBe(pid);
  const before = server.controlPlane.tunnels();
  lab.world.mend();
  await backAgain(before);
  expect(await reports.wait('gateway_restarted')).toMatchObject({ reason: 'crashed' });
  await server.machine.until('test "$(ls /var/lib/claw/outbox | wc -l)" = 0', 30_000);
});

test('a network that is gone without a word is noticed, and the tunnel comes back with it', async () => {
  const before = server.controlPlane.tunnels();
  const link = await run(
    "ip -o route get 10.255.0.1 2>/dev/null | grep -o 'dev [^ ]*' | cut -d' ' -f2 || true",
  );
  const device = link || (await run('ls /sys/class/net | grep -v lo | head -n 1'));
  const log = await journal();
  await run(`ip link set ${device} down`);
  await log('tunnel lost after');
  await run(`ip link set ${device} up && networkctl reconfigure ${device} 2>/dev/null || true`);
  await backAgain(before);
  await served();
});

test('new keys: the tunnel comes back with the new identity, the owner with the former key', async () => {
  const device = await owner();
  const { agentPublicKey: made } = (await device.command('keys.rotate')) as { agentPublicKey: string };
  expect(made).not.toBe(agentPublicKey);
  const rotated = await reports.wait('identity_rotated');
  expect(rotated.agentPublicKey).toBe(made);
  await server.machine.until('! test -e /var/lib/claw/identity-next.key', 30_000);
  const said = await device.wait('the key', (frame) => frame.type === 'agent.key' && frame.publicKey);
  expect(said).toBe(made);
  const before = server.controlPlane.tunnels();
  server.controlPlane.cutTunnel();
  // The stub verifies it against the new identity alone.
  await backAgain(before);
  expect(server.controlPlane.registered()?.identityPublicKey).toBe(rotated.identityPublicKey);
  const withFormer = await owner();
  expect(await withFormer.wait('the key', (frame) => frame.type === 'agent.key' && frame.publicKey)).toBe(
    made,
  );
  withFormer.close();
  agentPublicKey = made;
  expect(toBase64Url(fromBase64Url(made))).toBe(made);
  const withNew = await owner();
  expect(await withNew.command('instance.health')).toMatchObject({ agentVersion: '0.1.0' });
  withNew.close();
});

test('a crash loop is slowed down and never given up, and ends when its cause does', async () => {
  await run('systemctl stop claw-agent && mv /var/lib/claw/state.json /var/lib/claw/bootstrap.json /root/');
  const log = await journal();
  await run('systemctl start claw-agent');
  await log('has ended badly several times: waiting');
  expect(await run('systemctl is-failed claw-agent || true')).not.toBe('failed');
  expect(await run('systemctl is-active openclaw-gateway')).toBe('active');
  const before = server.controlPlane.tunnels();
  await run('cp -p /root/state.json /root/bootstrap.json /var/lib/claw/');
  await backAgain(before);
});

test('damaged files of its state cost it nothing, and are kept aside', async () => {
  await run('systemctl stop claw-agent');
  await run(
    'cd /var/lib/claw && for file in state.json owners.json identity.key channel.key starts.json releases.json outbox/000000000099.json; do head -c 30 /dev/zero > $file; done; chown -R claw-agent: .',
  );
  const before = server.controlPlane.tunnels();
  const log = await journal();
  await run('systemctl start claw-agent');
  await backAgain(before);
  await served();
  const device = await owner();
  expect(await device.command('instance.health')).toMatchObject({ gateway: 'ready' });
  device.close();
  expect(await run('ls /var/lib/claw/*.damaged | wc -l')).toBe('6');
  await log('identity.key was damaged; put back from its copy');
});

test('comes back from a reboot and from a power cut, by itself and as the same', async () => {
  for (const how of ['reboot', 'power cut'] as const) {
    const before = server.controlPlane.tunnels();
    const phases = server.controlPlane.phases.length;
    reports.clear();
    if (how === 'reboot') await server.machine.reboot();
    else {
      await server.machine.powerOff('pull');
      await server.machine.powerOn();
    }
    await backAgain(before);
    const { agentSha256, machine } = await served();
    expect([how, agentSha256]).toEqual([how, boot.sha256]);
    expect(machine?.bootId).toBe(await run('cat /proc/sys/kernel/random/boot_id'));
    expect(server.controlPlane.phases).toHaveLength(phases);
  }
  expect(server.controlPlane.requests.filter((line) => line.endsWith('/register'))).toHaveLength(1);
  expect(Number(await agentPid())).toBeGreaterThan(0);
});
