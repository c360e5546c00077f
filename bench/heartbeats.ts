/**
 * How long it takes to write a round of heartbeats: of so many instances, through the api's own batching, the data
 * endpoint and a real Postgres. Every instance sends one each half minute. Prints one JSON line.
 *
 *   node bench/heartbeats.ts [instances=10000] [rounds=5]
 */
import { cpus } from 'node:os';
import { type InstanceHealth, newId } from '@claw-cloud/contracts';
import { newOwnerId, startTestDatabase } from '@claw-cloud/db/testing';
import postgres from 'postgres';
import { createHeartbeats } from '../apps/api/src/tunnel/heartbeats.ts';

const [instances = 10_000, rounds = 5] = process.argv.slice(2).map(Number);

const database = await startTestDatabase();
const sql = postgres(database.postgresUrl('claw'), { max: 1, onnotice: () => {} });
try {
  const ids = await readyInstances();
  const nothing = () => undefined;
  const heartbeats = createHeartbeats({
    write: (rows) => database.db.machine.recordHeartbeats(rows),
    log: { info: nothing, warn: nothing, error: nothing },
    everyMs: 3_600_000,
  });
  const took: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const id of ids) heartbeats.add(id, health(round));
    const started = performance.now();
    await heartbeats.flush();
    took.push(Math.round(performance.now() - started));
  }
  await heartbeats.stop();
  const [row] = await sql<{ written: number }[]>`
    select count(*)::int as written from instances where (health ->> 'uptimeSeconds')::int = ${rounds * 30}`;
  const sorted = took.toSorted((one, other) => one - other);
  process.stdout.write(
    `${JSON.stringify({
      instances,
      rounds,
      writtenInLastRound: row?.written,
      ms: { first: took[0], median: sorted[Math.floor(sorted.length / 2)], max: sorted.at(-1) },
      cpus: cpus().length,
    })}\n`,
  );
} finally {
  await sql.end();
  await database.stop();
}

async function readyInstances(): Promise<string[]> {
  const ownerId = newOwnerId();
  const credentialId = newId('credential');
  const ids = Array.from({ length: instances }, () => newId('instance'));
  await sql`insert into owners (id) values (${ownerId})`;
  await sql`insert into credentials (id, owner_id, provider, name, state, request_hash)
    values (${credentialId}, ${ownerId}, 'sandbox', 'Bench', 'ready', ${'0'.repeat(64)})`;
  await sql`insert into instances (id, owner_id, credential_id, provider, name, region, size, expected_monthly_price,
      state, identity_public_key, online, tunnel_node, request_hash)
    select id, ${ownerId}, ${credentialId}, 'sandbox', 'Bench', 'here', 'good', 4.5, 'ready', ${'A'.repeat(43)}, true,
      'bench', ${'0'.repeat(64)} from unnest(${ids}::text[]) as id`;
  return ids;
}

function health(round: number): InstanceHealth {
  return {
    agentVersion: '0.1.0',
    openclawVersion: '2026.9.5',
    gateway: 'ready',
    uptimeSeconds: round * 30,
    agentSha256: 'a'.repeat(64),
    machine: {
      uptimeSeconds: round * 30,
      bootId: '00000000-0000-0000-0000-000000000000',
      memoryTotalMb: 3915,
      memoryAvailableMb: 2211,
      diskTotalMb: 38_000,
      diskFreeMb: 31_000,
      load1: 0.2,
      rebootRequired: false,
      kind: 'server',
    },
    gatewayCheck: {
      lastOkSecondsAgo: 3,
      missesInARow: 0,
      restarts: 0,
      lastRestartReason: null,
      memoryMb: 412,
    },
  };
}
