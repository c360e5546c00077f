/**
 * A storm: so many servers lose their tunnels in one moment, because the api was killed, and come back to the one that
 * starts in its place. Real agents' tunnel client, real api in a process of its own, real Postgres; everything shares
 * this computer. Prints one JSON line: how long until the last one is back, how often they knocked, and what an owner's
 * request took meanwhile.
 *
 *   node bench/reconnect.ts [tunnels=1000]
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus, loadavg } from 'node:os';
import { signer } from '@claw-cloud/auth/testing';
import { newId } from '@claw-cloud/contracts';
import { ready, toBase64Url } from '@claw-cloud/crypto';
import { generateIdentity } from '@claw-cloud/crypto/signing';
import { createDatabase } from '@claw-cloud/db';
import { newOwnerId, startTestDatabase, type TestDatabase } from '@claw-cloud/db/testing';
import postgres from 'postgres';
import { startApi } from '../apps/api/src/index.ts';
import { serveHealth } from '../apps/api/src/testing/agent.ts';
import { keepTunnel } from '../bootstrap/agent/src/tunnel/client.ts';

const issuer = 'https://bench.example';

if (process.argv[2] === 'server') await serve(JSON.parse(process.argv[3] ?? '') as Served);
else await storm(Number(process.argv[2] ?? 1000));

interface Served {
  port: number;
  jwtKey: string;
  database: { url: string; secretKey: string; publishableKey: string; jwtSecret: string };
}

async function serve({ port, jwtKey, database }: Served): Promise<void> {
  const publicUrl = `http://127.0.0.1:${port}`;
  const nothing = () => undefined;
  const unlimited = { burst: 1e9, perSecond: 1e9 };
  let refused = 0;
  const log = {
    info: nothing,
    error: nothing,
    warn: (event: string) => {
      if (event === 'tunnel refused') refused += 1;
    },
  };
  const api = await startApi(
    {
      host: '127.0.0.1',
      port,
      publicUrl,
      database,
      queue: { kind: 'redis', url: '' },
      auth: { kind: 'clerk', jwtKey, issuer, publishableKey: '' },
      authorizedParties: [publicUrl],
      agentDir: null,
      webDir: null,
      nodeName: 'bench',
      sandbox: false,
      trustedProxyHops: 0,
      // All of them come from one address here; elsewhere each server has its own.
      limits: { upgrade: unlimited, owner: unlimited, address: unlimited },
    },
    { log, db: createDatabase(database), queue: { add: async () => undefined } },
  );
  process.on('message', () => process.send?.({ ...api.counts(), refused }));
  process.once('disconnect', () => process.exit(0));
  process.send?.({ url: api.url });
}

async function storm(count: number): Promise<void> {
  await ready();
  const identity = generateIdentity();
  const database = await startTestDatabase();
  const { url, secretKey, publishableKey, jwtSecret } = database;
  const port = await freePort();
  const { sign, pem } = await signer({ issuer, party: `http://127.0.0.1:${port}` });
  const start = async (): Promise<ChildProcess> => {
    const served: Served = {
      port,
      jwtKey: pem,
      database: { url, secretKey, publishableKey, jwtSecret },
    };
    const child = fork(import.meta.filename, ['server', JSON.stringify(served)]);
    await once(child, 'message');
    return child;
  };
  const ask = async (child: ChildProcess) => {
    child.send('counts');
    const [answer] = (await once(child, 'message')) as [{ tunnels: number; refused: number }];
    return answer;
  };
  const all = async (child: ChildProcess) => {
    for (let said = performance.now(); ; ) {
      const { tunnels } = await ask(child);
      if (tunnels >= count) return;
      if (performance.now() - said > 10_000) {
        said = performance.now();
        process.stderr.write(`${tunnels} of ${count} are connected\n`);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };

  const { ownerId, ids } = await registeredInstances(database, count, toBase64Url(identity.publicKey));
  let api = await start();
  const ending = new AbortController();
  for (const [at, instanceId] of ids.entries()) {
    // They came one by one over months; only the loss comes at once.
    if (at % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 250));
    void keepTunnel({
      controlPlaneUrl: `http://127.0.0.1:${port}`,
      instanceId,
      identities: () => [identity],
      onStream: serveHealth,
      log: () => undefined,
      signal: ending.signal,
    });
  }
  await all(api);

  api.kill('SIGKILL');
  await once(api, 'exit');
  const killed = performance.now();
  api = await start();
  const startedMs = performance.now() - killed;
  const requests: number[] = [];
  let failed = 0;
  let storming = true;
  const owner = (async () => {
    while (storming) {
      const asked = performance.now();
      const response = await fetch(`http://127.0.0.1:${port}/v1/instances/${ids[0]}`, {
        headers: { authorization: `Bearer ${await sign({ sub: ownerId })}` },
      }).catch(() => null);
      if (!response?.ok) failed += 1;
      await response?.arrayBuffer();
      requests.push(performance.now() - asked);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  await all(api);
  const backMs = performance.now() - killed;
  storming = false;
  await owner;
  const { refused } = await ask(api);
  requests.sort((one, other) => one - other);
  const percentile = (share: number) => Math.round(requests[Math.floor(requests.length * share)] ?? 0);
  process.stdout.write(
    `${JSON.stringify({
      tunnels: count,
      apiStartedMs: Math.round(startedMs),
      allBackMs: Math.round(backMs),
      refused,
      ownerRequests: { count: requests.length, failed, p50Ms: percentile(0.5), p99Ms: percentile(0.99) },
      cpus: cpus().length,
      load: Math.round(loadavg()[0] ?? 0),
    })}\n`,
  );
  ending.abort();
  api.kill('SIGTERM');
  api.disconnect();
  await once(api, 'exit');
  await database.stop();
  process.exit(0);
}

async function registeredInstances(database: TestDatabase, count: number, identityKey: string) {
  const sql = postgres(database.postgresUrl('claw'), { max: 1, onnotice: () => {} });
  const ownerId = newOwnerId();
  const credentialId = newId('credential');
  const ids = Array.from({ length: count }, () => newId('instance'));
  await sql`insert into owners (id) values (${ownerId})`;
  await sql`insert into credentials (id, owner_id, provider, name, state, request_hash)
    values (${credentialId}, ${ownerId}, 'sandbox', 'Bench', 'ready', ${'0'.repeat(64)})`;
  await sql`insert into instances (id, owner_id, credential_id, provider, name, region, size, expected_monthly_price,
      state, identity_public_key, request_hash)
    select id, ${ownerId}, ${credentialId}, 'sandbox', 'Bench', 'here', 'good', 4.5, 'ready', ${identityKey},
      ${'0'.repeat(64)} from unnest(${ids}::text[]) as id`;
  await sql.end();
  return { ownerId, ids };
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
