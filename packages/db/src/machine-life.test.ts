import { type InstanceHealth, type InstanceReport, newId } from '@claw-cloud/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bootingInstance,
  destroyed,
  grantedInstance,
  key43,
  readyInstance,
  reportLine,
  sampleGrant,
  startTestDatabase,
  type TestDatabase,
} from './testing/index.ts';
import type { Database } from './types.ts';

let test: TestDatabase;
let db: Database;
beforeAll(async () => {
  test = await startTestDatabase();
  db = test.db;
});
afterAll(() => test?.stop());

const health: InstanceHealth = {
  agentVersion: '1.2.0',
  openclawVersion: '2.2.0',
  gateway: 'ready',
  uptimeSeconds: 61,
  gatewayCheck: {
    lastOkSecondsAgo: 2,
    missesInARow: 0,
    restarts: 0,
    lastRestartReason: null,
    memoryMb: 310,
  },
};

const machineEvents = async (ownerId: string, instanceId: string) =>
  (await db.owner(ownerId).listEvents(instanceId, 0, 500)).filter(({ kind }) => kind === 'machine');
const audit = async (ownerId: string, action: string) =>
  (await db.owner(ownerId).listAudit(100)).filter((event) => event.action === action);

describe('heartbeats', () => {
  it('of many instances are written at once, with the versions that run', async () => {
    const one = await readyInstance(db);
    const two = await readyInstance(db);
    const before = Date.now();
    const held = await db.machine.recordHeartbeats([
      { instanceId: one.instance.id, health, ageMs: 0 },
      { instanceId: two.instance.id, health: { ...health, openclawVersion: null }, ageMs: 60_000 },
    ]);
    expect(held).toEqual([]);
    const first = await db.owner(one.ownerId).getInstance(one.instance.id);
    expect(first).toMatchObject({ health, agentVersion: '1.2.0', openclawVersion: '2.2.0' });
    expect(Math.abs(Date.parse(first.healthAt ?? '') - before)).toBeLessThan(20_000);
    const second = await db.owner(two.ownerId).getInstance(two.instance.id);
    // An agent that can't tell takes nothing back.
    expect(second).toMatchObject({ openclawVersion: '2.0.0', health: { openclawVersion: null } });
    expect(before - Date.parse(second.healthAt ?? '')).toBeGreaterThan(40_000);
  });

  it('of what has not registered, is being destroyed or was ejected are left out, and twice the same is once', async () => {
    const booting = await bootingInstance(db);
    const gone = await readyInstance(db);
    await destroyed(db, gone.ownerId, gone.instance.id);
    const ready = await readyInstance(db);
    const held = await db.machine.recordHeartbeats([
      ...[booting, gone].map(({ instance }) => ({ instanceId: instance.id, health, ageMs: 0 })),
      { instanceId: newId('instance'), health, ageMs: 0 },
      { instanceId: ready.instance.id, health: { ...health, uptimeSeconds: 1 }, ageMs: 30_000 },
      { instanceId: ready.instance.id, health: { ...health, uptimeSeconds: 31 }, ageMs: 0 },
    ]);
    expect(held).toEqual([]);
    for (const { ownerId, instance } of [booting, gone])
      expect(await db.owner(ownerId).getInstance(instance.id)).toMatchObject({ health: null });
    expect(await db.owner(ready.ownerId).getInstance(ready.instance.id)).toMatchObject({
      health: { uptimeSeconds: 31 },
    });
  });

  it('wait for nobody: a row that is held is left out', async () => {
    const held = await readyInstance(db);
    const free = await readyInstance(db);
    const { default: postgres } = await import('postgres');
    const sql = postgres(test.postgresUrl('claw'), { max: 1 });
    const beats = [held, free].map(({ instance }) => ({ instanceId: instance.id, health, ageMs: 0 }));
    await sql.begin(async (transaction) => {
      await transaction`select 1 from instances where id = ${held.instance.id} for update`;
      expect(await db.machine.recordHeartbeats(beats)).toEqual([held.instance.id]);
      expect(await db.owner(free.ownerId).getInstance(free.instance.id)).toMatchObject({ health });
    });
    await sql.end();
    expect(await db.machine.recordHeartbeats(beats)).toEqual([]);
    expect(await db.owner(held.ownerId).getInstance(held.instance.id)).toMatchObject({ health });
  });
});

describe('a report', () => {
  it('that comes twice is shown once', async () => {
    const { ownerId, instance, registration } = await readyInstance(db);
    const line = reportLine({ kind: 'gateway_restarted', reason: 'unhealthy', missesInARow: 3 });
    const report = () => db.machine.report(instance.id, registration.identityPublicKey, line);
    await Promise.all([report(), report(), report()]);
    await report();
    expect((await machineEvents(ownerId, instance.id)).map(({ data }) => data)).toEqual([
      { kind: 'gateway_restarted', reason: 'unhealthy', missesInARow: 3, reportedAt: line.at },
    ]);
  });

  it('of another key, or of nobody, is refused', async () => {
    const { ownerId, instance } = await readyInstance(db);
    const line = reportLine({ kind: 'goodbye' });
    const refused = { code: 'tunnel_key_unknown' };
    await expect(db.machine.report(instance.id, key43(), line)).rejects.toMatchObject(refused);
    await expect(db.machine.report(newId('instance'), key43(), line)).rejects.toMatchObject(refused);
    expect(await db.owner(ownerId).getInstance(instance.id)).toMatchObject({ ejectedAt: null });
  });

  it('above 2,000 a day is refused', async () => {
    const { instance, registration } = await readyInstance(db);
    const { default: postgres } = await import('postgres');
    const sql = postgres(test.postgresUrl('claw'), { max: 1 });
    await sql`insert into machine_reports (instance_id, id)
      select ${instance.id}, 'aaaaaaaaaaaaaaaa' || n from generate_series(1, 2000) as n`;
    const report = () =>
      db.machine.report(
        instance.id,
        registration.identityPublicKey,
        reportLine({ kind: 'gateway_restarted', reason: 'memory', missesInARow: 0 }),
      );
    await expect(report()).rejects.toMatchObject({ code: 'rate_limited' });
    await sql`update machine_reports set at = at - interval '25 hours' where instance_id = ${instance.id}`;
    await report();
    // What is older than a month is forgotten in passing.
    await sql`update machine_reports set at = at - interval '31 days' where instance_id = ${instance.id}`;
    await report();
    const [row] =
      await sql`select count(*)::int as n from machine_reports where instance_id = ${instance.id}`;
    await sql.end();
    expect(row?.n).toBe(1);
  });
});

describe('new keys of a machine', () => {
  it('replace the old ones, which have no say any more', async () => {
    const { ownerId, instance, registration } = await readyInstance(db);
    const old = registration.identityPublicKey;
    const keys = { identityPublicKey: key43(), agentPublicKey: key43() };
    const line = reportLine({ kind: 'identity_rotated', ...keys });
    await db.machine.report(instance.id, old, line);
    expect(await db.machine.identityKey(instance.id)).toBe(keys.identityPublicKey);
    expect(await db.owner(ownerId).getInstance(instance.id)).toMatchObject({
      agentPublicKey: keys.agentPublicKey,
    });
    // The acknowledgement was lost: the same line is taken for what it is, whichever key the tunnel has now.
    await db.machine.report(instance.id, old, line);
    await db.machine.report(instance.id, keys.identityPublicKey, line);
    await expect(
      db.machine.report(
        instance.id,
        old,
        reportLine({ kind: 'identity_rotated', identityPublicKey: key43(), agentPublicKey: key43() }),
      ),
    ).rejects.toMatchObject({ code: 'tunnel_key_unknown' });
    expect(await audit(ownerId, 'instance.rotate_keys')).toMatchObject([
      { actor: instance.id, outcome: 'succeeded', detail: keys },
    ]);
  });
});

describe('goodbye', () => {
  it('ends tunnels, heartbeats and grants; the instance stays, and can be destroyed', async () => {
    const { ownerId, instance, registration, grant } = await grantedInstance(db);
    const say = (report: InstanceReport) =>
      db.machine.report(instance.id, registration.identityPublicKey, reportLine(report));
    await say({ kind: 'goodbye' });
    const owner = db.owner(ownerId);
    expect(await owner.getInstance(instance.id)).toMatchObject({
      state: 'ready',
      ejectedAt: expect.any(String),
    });
    expect(await db.machine.identityKey(instance.id)).toBeNull();
    const refused = { code: 'tunnel_key_unknown' };
    await expect(db.machine.attachTunnel(instance.id, 'node')).rejects.toMatchObject(refused);
    await expect(say({ kind: 'goodbye' })).rejects.toMatchObject(refused);
    await db.machine.recordHeartbeats([{ instanceId: instance.id, health, ageMs: 0 }]);
    expect(await owner.getInstance(instance.id)).toMatchObject({ health: null });
    await expect(db.machine.openSupport(grant.id, grant.tokenHash)).rejects.toMatchObject({
      code: 'grant_ended',
    });
    await destroyed(db, ownerId, instance.id);
    expect(await owner.getInstance(instance.id)).toMatchObject({ state: 'destroyed' });
    expect(await audit(ownerId, 'instance.eject')).toHaveLength(1);
  });
});

describe('a support grant', () => {
  it('is listed to its owner, and ends once', async () => {
    const { ownerId, instance, registration, grant } = await grantedInstance(db);
    const owner = db.owner(ownerId);
    const { tokenHash: _, ...shown } = grant;
    expect(await owner.listSupportGrants(instance.id)).toEqual([
      { ...shown, instanceId: instance.id, endedAt: null, endedWhy: null, connections: 0 },
    ]);
    for (const why of ['revoked', 'expired'] as const)
      await db.machine.report(
        instance.id,
        registration.identityPublicKey,
        reportLine({ kind: 'grant_closed', grantId: grant.id, why }),
      );
    expect(await owner.listSupportGrants(instance.id)).toMatchObject([
      { endedAt: expect.any(String), endedWhy: 'revoked' },
    ]);
    expect(await audit(ownerId, 'support.grant')).toMatchObject([
      { actor: instance.id, target: instance.id, detail: { grantId: grant.id, name: grant.name } },
    ]);
    expect(JSON.stringify(await audit(ownerId, 'support.grant'))).not.toContain(grant.tokenHash);
    expect(await audit(ownerId, 'support.end')).toHaveLength(2);
  });

  it('lets in whoever shows its token, while it lasts, and notes it', async () => {
    const { ownerId, instance, grant } = await grantedInstance(db);
    const other = await grantedInstance(db, undefined, {
      endsAt: new Date(Date.now() - 1000).toISOString(),
    });
    expect(await db.machine.openSupport(grant.id, grant.tokenHash)).toEqual({ instanceId: instance.id });
    await db.machine.closeSupport(grant.id, { seconds: 3 });
    const refused = (id: string, hash: string, code: string) =>
      expect(db.machine.openSupport(id, hash)).rejects.toMatchObject({ code });
    await refused(grant.id, 'b'.repeat(64), 'grant_token_invalid');
    await refused(other.grant.id, 'b'.repeat(64), 'grant_token_invalid');
    await refused(other.grant.id, other.grant.tokenHash, 'grant_ended');
    await refused(newId('grant'), grant.tokenHash, 'grant_unknown');
    expect(await audit(ownerId, 'support.connect')).toMatchObject([
      { outcome: 'denied', actor: grant.id, target: instance.id, detail: { code: 'grant_token_invalid' } },
      { outcome: 'allowed', detail: { grantId: grant.id, name: grant.name } },
    ]);
    expect(await audit(ownerId, 'support.disconnect')).toMatchObject([
      { outcome: 'succeeded', target: instance.id, detail: { seconds: 3, grantId: grant.id } },
    ]);
    expect(await db.owner(ownerId).listSupportGrants(instance.id)).toMatchObject([{ connections: 1 }]);
  });

  it('that somebody keeps guessing at fills no audit log', async () => {
    const { ownerId, grant } = await grantedInstance(db);
    for (let i = 0; i < 40; i += 1)
      await db.machine.openSupport(grant.id, 'b'.repeat(64)).catch(() => undefined);
    expect(await audit(ownerId, 'support.connect')).toHaveLength(30);
  });

  it('can’t be opened or closed by another instance', async () => {
    const { ownerId, instance, grant } = await grantedInstance(db);
    const other = await readyInstance(db);
    for (const report of [
      { kind: 'grant_opened', grant: sampleGrant({ id: grant.id, tokenHash: 'c'.repeat(64) }) },
      { kind: 'grant_closed', grantId: grant.id, why: 'revoked' },
    ] as const)
      await db.machine.report(other.instance.id, other.registration.identityPublicKey, reportLine(report));
    expect(await db.owner(ownerId).listSupportGrants(instance.id)).toMatchObject([{ endedAt: null }]);
    expect(await db.machine.openSupport(grant.id, grant.tokenHash)).toEqual({ instanceId: instance.id });
    expect(await db.owner(other.ownerId).listSupportGrants(other.instance.id)).toEqual([]);
  });

  it('ends with its server', async () => {
    const { ownerId, instance, grant } = await grantedInstance(db);
    await destroyed(db, ownerId, instance.id);
    expect(await db.owner(ownerId).listSupportGrants(instance.id)).toMatchObject([{ endedWhy: 'destroyed' }]);
    await expect(db.machine.openSupport(grant.id, grant.tokenHash)).rejects.toMatchObject({
      code: 'grant_ended',
    });
  });

  it('’s attempts on the machine are in its owner’s audit log, and no event', async () => {
    const { ownerId, instance, registration, grant } = await grantedInstance(db);
    const before = await machineEvents(ownerId, instance.id);
    await db.machine.report(
      instance.id,
      registration.identityPublicKey,
      reportLine({ kind: 'support_attempt', grantId: grant.id, outcome: 'denied', reason: 'other key' }),
    );
    expect(await audit(ownerId, 'support.attempt')).toMatchObject([
      { outcome: 'denied', actor: instance.id, detail: { grantId: grant.id, reason: 'other key' } },
    ]);
    expect(await machineEvents(ownerId, instance.id)).toEqual(before);
  });
});

it('notes how a restart that an owner asked for has ended', async () => {
  const { ownerId, instance } = await readyInstance(db);
  await db.owner(ownerId, 'req-1').recordRestart(instance.id, null);
  await db.owner(ownerId).recordRestart(instance.id, 'instance_offline');
  expect(await audit(ownerId, 'instance.restart_gateway')).toMatchObject([
    { outcome: 'failed', detail: { code: 'instance_offline' } },
    { outcome: 'succeeded', actor: ownerId, target: instance.id, detail: { requestId: 'req-1' } },
  ]);
});
