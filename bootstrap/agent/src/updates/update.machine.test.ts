import { createHash, randomUUID } from 'node:crypto';
import { transferPieceBytes } from '@claw-cloud/contracts';
import { fromBase64Url, toBase64Url } from '@claw-cloud/crypto';
import { createBackupDecryptor } from '@claw-cloud/crypto/backup';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleStandIn } from '../../../lab/stand-in.ts';
import { type FirstBoot, openFirstBoot, type Server } from '../../../userdata/testing/first-boot.ts';
import { startTestModel, type TestModel } from '../../testing/model-server.ts';
import { type OwnerDevice, openOwnerDevice } from '../../testing/owner-device.ts';
import { packTarball } from '../../testing/pack-tarball.ts';

/** Two real releases with different schemas of their databases: the former refuses what the latter has migrated. */
const former = '2026.9.5';
const newer = '2026.9.6';
/** Made up: one ends as soon as it is started; one is healthy while it is tried out, and never in earnest. */
const ends = '2099.1.1';
const hangs = '2099.1.2';

const artefacts = 'test-artifacts/machines/update';
const conversation = 'agent:main:web:first';
const bootLimitMs = 8 * 60_000;
const changeLimitMs = 8 * 60_000;
const startLimitMs = 4 * 60_000;

interface Updates {
  current: string;
  previous: string | null;
  running: unknown;
  last: { outcome: string; to: string; reason: string | null; downSeconds: number } | null;
}

let boot: FirstBoot;
let server: Server;
let model: TestModel;
let owner: OwnerDevice;
/** The plain archive of the backup, as the owner decrypted it. */
let archive: Buffer;

async function connect(pairing = false): Promise<OwnerDevice> {
  const { birth, controlPlane } = server;
  const opened = await openOwnerDevice(await controlPlane.tunnel(startLimitMs), {
    instanceId: birth.config.instanceId,
    deviceKeyPair: birth.deviceKeyPair,
    agentPublicKey: fromBase64Url(controlPlane.registered()?.agentPublicKey ?? ''),
    ...(pairing ? { pairingSecret: birth.pairingSecret } : {}),
  });
  await opened.wait(
    'the gateway',
    (frame) => frame.type === 'gateway.status' && frame.status === 'connected',
    startLimitMs,
  );
  return opened;
}

/** A new channel, signed in to the gateway that serves now. */
async function reconnect(): Promise<void> {
  owner.close();
  owner = await connect();
}

async function say(message: string): Promise<void> {
  await owner.request('sessions.messages.subscribe', { key: conversation });
  const runId = randomUUID();
  await owner.request('chat.send', { sessionKey: conversation, message, idempotencyKey: runId });
  await owner.wait(
    `the answer to "${message}"`,
    (frame) => {
      if (frame.type !== 'gateway' || frame.frame['event'] !== 'chat') return null;
      const payload = frame.frame['payload'] as { runId: string; state: string };
      return payload.runId === runId && payload.state === 'final';
    },
    startLimitMs,
  );
}

async function history(): Promise<string> {
  return JSON.stringify(await owner.request('chat.history', { sessionKey: conversation, limit: 50 }));
}

const updates = async (): Promise<Updates> => (await owner.command('updates.get')) as Updates;
const gatewayStartedAt = (): Promise<string> =>
  server.machine.run('systemctl show openclaw-gateway --property=ActiveEnterTimestampMonotonic --value');

/** Samples the gateway in the machine, five times a second, from here on; resolves with the longest time it did not answer. */
async function watchGateway(): Promise<() => Promise<number>> {
  const sample =
    'while :; do curl -fs -o /dev/null -m 2 http://127.0.0.1:18789/readyz && date +%s.%N >>/run/ready; sleep 0.2; done';
  await server.machine.run(
    `rm -f /run/ready; systemd-run --quiet --collect --unit=test-watch /bin/sh -c '${sample}'`,
  );
  return async () => {
    await server.machine.run('systemctl stop test-watch');
    const times = (await server.machine.readFile('/run/ready')).trim().split('\n').map(Number);
    return Math.max(...times.map((time, index) => time - (times[index - 1] ?? time)));
  };
}

function publish(
  version: string,
  gateway: string,
  files: Record<string, string | Uint8Array> = {},
): Promise<void> {
  const manifest = { name: 'openclaw', version, type: 'module', bin: { openclaw: 'openclaw.mjs' } };
  const entry = `if (process.argv[2] === '--version') console.log('OpenClaw ${version} (made up)');
else if (process.argv[2] === 'gateway') { ${gateway} }\n`;
  return packTarball({ 'package.json': JSON.stringify(manifest), 'openclaw.mjs': entry, ...files }).then(
    (tarball) => boot.lab.world.publish({ name: 'openclaw', version, tarball, manifest }),
  );
}

beforeAll(async () => {
  [boot, model] = await Promise.all([openFirstBoot(artefacts), startTestModel('machine-model')]);
  await publish(ends, 'process.exit(1);');
  await publish(
    hangs,
    "if (process.argv.includes('--port')) await import('./stand-in.mjs'); else setInterval(() => undefined, 1000);",
    { 'stand-in.mjs': await bundleStandIn() },
  );
  const baseUrl = `${await boot.lab.expose(Number(new URL(model.baseUrl).port))}/v1`;
  const provider = { id: 'image', baseUrl, apiKey: 'image-key', api: 'openai-completions' };
  const image = { provider, model: { id: 'image-1', name: 'Image' } };
  server = await boot.start({
    name: 'update',
    openclaw: 'warm',
    openclawVersion: former,
    imageFiles: { '/etc/claw/model.json': JSON.stringify(image) },
  });
  await server.registered(bootLimitMs);
  owner = await connect(true);
  await say('said before everything');
}, bootLimitMs);

afterAll(async () => {
  await boot?.close();
  await model?.close();
});

test('runs the release it was born with', async () => {
  expect(await updates()).toMatchObject({ current: former, previous: null, running: null, last: null });
  await expect(owner.command('updates.rollback')).rejects.toMatchObject({ code: 'not_found' });
});

test(
  'a release that ends at once is seen before anything is stopped',
  async () => {
    const startedAt = await gatewayStartedAt();
    const longest = await watchGateway();
    await expect(owner.command('updates.apply', { version: ends }, changeLimitMs)).rejects.toMatchObject({
      code: 'update_failed',
    });
    expect(await gatewayStartedAt()).toBe(startedAt);
    expect(await longest()).toBeLessThan(60);
    const { current, last } = await updates();
    expect(current).toBe(former);
    expect(last).toMatchObject({ outcome: 'failed', to: ends, downSeconds: 0 });
    expect(await history()).toContain('said before everything');
  },
  changeLimitMs,
);

test(
  'a release that is broken in earnest only gives way to the old one within a minute',
  async () => {
    const longest = await watchGateway();
    await expect(owner.command('updates.apply', { version: hangs }, changeLimitMs)).rejects.toMatchObject({
      code: 'update_failed',
    });
    const down = await longest();
    const { current, last } = await updates();
    process.stdout.write(`broken in earnest: down ${down.toFixed(1)} s, as it says ${last?.downSeconds} s\n`);
    expect(down).toBeLessThan(60);
    expect(last).toMatchObject({ outcome: 'failed', to: hangs });
    expect(current).toBe(former);
    await reconnect();
    expect(await history()).toContain('said before everything');
    // Neither is kept, nor any copy of the state.
    expect(await server.machine.run('ls -A /var/lib/openclaw-kept /opt/claw/store')).not.toContain('2099');
  },
  changeLimitMs,
);

test(
  'a power cut while the new release starts ends with the old one, its chats intact',
  async () => {
    const updating = owner.command('updates.apply', { version: newer }, changeLimitMs);
    const starts = owner.wait(
      'the start of the new release',
      (frame) => frame.type === 'progress' && frame.step === 'start' && frame.message.includes(newer),
      changeLimitMs,
    );
    for (const each of [updating, starts]) each.catch(() => undefined);
    await Promise.race([starts, updating]);
    const tunnels = server.controlPlane.tunnels();
    await server.machine.powerOff('pull');
    owner.close();
    await server.machine.powerOn();
    await server.machine.until('test -e /var/lib/claw-root/openclaw-record.json', startLimitMs);
    await server.machine.until(
      `test "$(readlink /opt/claw/openclaw/current)" = /opt/claw/store/openclaw-${former}/lib/node_modules/openclaw && test ! -e /var/lib/claw-root/openclaw-journal.json`,
      startLimitMs,
    );
    await expect
      .poll(() => server.controlPlane.tunnels(), { timeout: startLimitMs })
      .toBeGreaterThan(tunnels);
    owner = await connect();
    expect(await history()).toContain('said before everything');
    expect(await updates()).toMatchObject({
      current: former,
      last: { outcome: 'failed', to: newer },
    });
  },
  changeLimitMs,
);

test(
  'a good release takes the chats over',
  async () => {
    const longest = await watchGateway();
    const after = (await owner.command('updates.apply', { version: newer }, changeLimitMs)) as Updates;
    const down = await longest();
    process.stdout.write(`good update: down ${down.toFixed(1)} s, as it says ${after.last?.downSeconds} s\n`);
    expect(after).toMatchObject({ current: newer, previous: former, last: { outcome: 'succeeded' } });
    await reconnect();
    const isConnected = (frame: OwnerDevice['frames'][number]) =>
      frame.type === 'gateway.status' && frame.status === 'connected';
    expect(owner.frames.find(isConnected)).toMatchObject({
      hello: { server: { version: newer } },
    });
    expect(await history()).toContain('said before everything');
    await say('said after the update');
    expect(await history()).toContain('said after the update');
  },
  changeLimitMs,
);

test(
  'a backup opens with the owner’s key, and no plain one is left on the machine',
  async () => {
    const { deviceKeyPair } = server.birth;
    const backup = (await owner.command(
      'backup.create',
      { recipients: [toBase64Url(deviceKeyPair.publicKey)] },
      changeLimitMs,
    )) as { id: string; bytes: number; sha256: string; openclawVersion: string };
    expect(backup.openclawVersion).toBe(newer);
    const decryptor = createBackupDecryptor([deviceKeyPair]);
    const hash = createHash('sha256');
    const plain: Uint8Array[] = [];
    for (let offset = 0; offset < backup.bytes; ) {
      const { data } = (await owner.command('backup.read', { backupId: backup.id, offset })) as {
        data: string;
      };
      const piece = Buffer.from(data, 'base64');
      hash.update(piece);
      plain.push(decryptor.push(piece));
      offset += piece.length;
    }
    plain.push(decryptor.finish());
    expect(hash.digest('hex')).toBe(backup.sha256);
    archive = Buffer.concat(plain);
    expect(archive.subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
    const found = await server.machine.exec(
      "find /var/lib /tmp /var/tmp /run -name '*.tar.gz' -not -path '/var/lib/apt/*'",
    );
    expect(found.stdout.trim()).toBe('');
  },
  changeLimitMs,
);

test(
  'one click goes back to the old release with its own chats',
  async () => {
    const after = (await owner.command('updates.rollback', {}, changeLimitMs)) as Updates;
    expect(after).toMatchObject({ current: former, previous: newer, last: { outcome: 'rolled_back' } });
    await reconnect();
    const said = await history();
    expect(said).toContain('said before everything');
    expect(said).not.toContain('said after the update');
  },
  changeLimitMs,
);

test(
  'a backup of a newer release than the one in use changes nothing; with that release it brings its chats',
  async () => {
    const send = async (): Promise<void> => {
      const sha256 = createHash('sha256').update(archive).digest('hex');
      await owner.command('restore.begin', { bytes: archive.length, sha256 });
      for (let offset = 0; offset < archive.length; offset += transferPieceBytes) {
        const data = archive.subarray(offset, offset + transferPieceBytes).toString('base64');
        await owner.command('restore.piece', { offset, data });
      }
    };
    await send();
    await expect(owner.command('restore.apply', {}, changeLimitMs)).rejects.toMatchObject({
      code: 'backup_damaged',
    });
    expect(await history()).not.toContain('said after the update');

    await owner.command('updates.rollback', {}, changeLimitMs);
    await reconnect();
    await say('said after the backup');
    await send();
    const after = (await owner.command('restore.apply', {}, changeLimitMs)) as Updates;
    expect(after).toMatchObject({ current: newer, last: { outcome: 'succeeded' } });
    await reconnect();
    const said = await history();
    expect(said).toContain('said after the update');
    expect(said).not.toContain('said after the backup');
  },
  changeLimitMs,
);

test(
  'one that hangs is restarted, its owner told why, and the chats go on',
  async () => {
    const mainPid = 'systemctl show openclaw-gateway --property=MainPID --value';
    const pid = await server.machine.run(mainPid);
    await server.machine.run('systemctl kill --signal=STOP openclaw-gateway');
    // It listens still: only an answer tells that it lives.
    await server.machine.run('ss -tln | grep -q 127.0.0.1:18789');
    await owner.wait(
      'the notice',
      (frame) => frame.type === 'notice' && frame.notice.kind === 'gateway_restarted',
      startLimitMs,
    );
    expect(await server.machine.run(mainPid)).not.toBe(pid);
    await reconnect();
    expect(await history()).toContain('said after the update');
    await say('said after it hung');
    expect(await history()).toContain('said after it hung');
  },
  changeLimitMs,
);
