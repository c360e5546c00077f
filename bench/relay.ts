/**
 * What the relay costs: round trips through one tunnel, and memory per idle tunnel. The api is the real one, in a
 * process of its own, over a database that is a few lines; agent and owners are in this process. Prints one JSON line.
 *
 *   node bench/relay.ts [seconds=5] [idle tunnels=1000]
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { signer } from '@claw-cloud/auth/testing';
import { bearerProtocolPrefix, newId, ownerChannelProtocol } from '@claw-cloud/contracts';
import { ready, toBase64Url } from '@claw-cloud/crypto';
import { generateIdentity } from '@claw-cloud/crypto/signing';
import type { Database } from '@claw-cloud/db';
import { WebSocket } from 'ws';
import { startApi } from '../apps/api/src/index.ts';
import { dialTunnel, serveEcho } from '../apps/api/src/testing/agent.ts';

const party = 'http://127.0.0.1';
const issuer = 'https://bench.example';
const messageBytes = 512;
const channels = 10;

/** Everybody owns every instance, and every instance has the one key. */
function openDoors(identityKey: string): Database {
  let epoch = 0;
  const nothing = async () => undefined;
  return {
    owner: () => ({ ensureOwner: nothing, getInstance: async () => ({ state: 'ready' }) }),
    machine: {
      identityKey: async () => identityKey,
      attachTunnel: async () => ++epoch,
      detachTunnel: nothing,
      detachNode: async () => 0,
      markReady: nothing,
      countTraffic: nothing,
      recordHeartbeats: async () => [],
      report: nothing,
      channel: async () => [],
    },
    ping: nothing,
  } as unknown as Database;
}

if (process.argv[2] === 'server') await serve(process.argv[3] ?? '', process.argv[4] ?? '');
else await measure(Number(process.argv[2] ?? 5), Number(process.argv[3] ?? 1000));

async function serve(identityKey: string, jwtKey: string): Promise<void> {
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const unlimited = { burst: 1e9, perSecond: 1e9 };
  const api = await startApi(
    {
      host: '127.0.0.1',
      port: 0,
      publicUrl: party,
      database: { url: party, secretKey: '', publishableKey: '', jwtSecret: '' },
      queue: { kind: 'redis', url: '' },
      auth: { kind: 'clerk', jwtKey, issuer, publishableKey: '' },
      authorizedParties: [party],
      agentDir: null,
      webDir: null,
      nodeName: 'bench',
      sandbox: false,
      trustedProxyHops: 0,
      limits: { upgrade: unlimited, owner: unlimited },
    },
    { log: silent, db: openDoors(identityKey), queue: { add: async () => undefined } },
  );
  process.on('message', () => {
    globalThis.gc?.();
    globalThis.gc?.();
    process.send?.({ rss: process.memoryUsage.rss(), ...api.counts() });
  });
  process.once('disconnect', () => process.exit(0));
  process.send?.({ url: api.url });
}

async function measure(seconds: number, idle: number): Promise<void> {
  await ready();
  const identity = generateIdentity();
  const { sign, pem } = await signer({ issuer, party });
  const server = fork(import.meta.filename, ['server', toBase64Url(identity.publicKey), pem], {
    execArgv: ['--expose-gc'],
  });
  const ask = async () => {
    server.send('memory');
    const [answer] = (await once(server, 'message')) as [{ rss: number; tunnels: number }];
    return answer;
  };
  const [{ url }] = (await once(server, 'message')) as [{ url: string }];
  const dial = (instanceId: string) => dialTunnel({ url, instanceId, identity, onStream: serveEcho });

  const instanceId = newId('instance');
  await dial(instanceId);
  const token = await sign();
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  const message = randomBytes(messageBytes);
  const talk = async () => {
    const socket = new WebSocket(
      `${url.replace('http', 'ws')}/v1/instances/${instanceId}/channel`,
      [ownerChannelProtocol, `${bearerProtocolPrefix}${token}`],
      { perMessageDeflate: false },
    );
    await once(socket, 'open');
    await new Promise<void>((resolve) => {
      let sentAt = performance.now();
      socket.on('message', () => {
        const now = performance.now();
        times.push(now - sentAt);
        if (now > end) return resolve();
        sentAt = now;
        socket.send(message);
      });
      socket.send(message);
    });
    socket.close();
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: channels }, talk));
  const took = (performance.now() - started) / 1000;
  times.sort((a, b) => a - b);
  const percentile = (share: number) => Number((times[Math.floor(times.length * share)] ?? 0).toFixed(2));

  const before = await ask();
  for (let opened = 0; opened < idle; opened += 50)
    await Promise.all(Array.from({ length: Math.min(50, idle - opened) }, () => dial(newId('instance'))));
  const after = await ask();

  const cpu = cpus();
  process.stdout.write(
    `${JSON.stringify({
      machine: `${cpu.length} × ${cpu[0]?.model.trim()}, Node ${process.version}`,
      roundTripsPerSecond: Math.round(times.length / took),
      p50Ms: percentile(0.5),
      p99Ms: percentile(0.99),
      channels,
      messageBytes,
      idleTunnels: after.tunnels - before.tunnels,
      bytesPerIdleTunnel: Math.round((after.rss - before.rss) / Math.max(1, after.tunnels - before.tunnels)),
      serverRssBytes: after.rss,
    })}\n`,
  );
  server.disconnect();
  process.exit(0);
}
