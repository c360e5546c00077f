import {
  closeCodes,
  type InstanceHealth,
  type InstanceReport,
  reportLineLimitBytes,
} from '@claw-cloud/contracts';
import { ready, toBase64Url } from '@claw-cloud/crypto';
import { generateIdentity } from '@claw-cloud/crypto/signing';
import { key43 } from '@claw-cloud/db/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  createReporter,
  dialTunnel,
  serveHealth,
  type TestAgent,
  type TestReporter,
} from '../testing/agent.ts';
import { startTestApi, type TestApi } from '../testing/harness.ts';
import { registeredInstance } from '../testing/instance.ts';

const patient = { timeout: 10_000 };

describe('reports through a tunnel', () => {
  let api: TestApi;
  const agents: TestAgent[] = [];
  beforeAll(async () => {
    api = await startTestApi(
      {},
      { timing: { heartbeatsMs: 50, reportsRetryMs: [20, 50], reportsRefusedMs: 200, offersMs: 50 } },
    );
  });
  afterEach(async () => {
    for (const agent of agents.splice(0)) agent.close();
    await expect.poll(() => api.counts().tunnels, patient).toBe(0);
  });
  afterAll(() => api?.stop());

  const connected = async (reporter: TestReporter = createReporter()) => {
    const registered = await registeredInstance(api.database.db);
    const { instanceId, identity, ownerId } = registered;
    const agent = await dialTunnel({ url: api.url, instanceId, identity, onStream: reporter.onStream });
    agents.push(agent);
    const owner = api.database.db.owner(ownerId);
    return {
      ...registered,
      agent,
      reporter,
      owner,
      instance: () => owner.getInstance(instanceId),
      machineEvents: async () =>
        (await owner.listEvents(instanceId, 0, 500)).filter(({ kind }) => kind === 'machine'),
      async say(report: InstanceReport, id?: string) {
        const n = await reporter.send(report, id);
        await expect.poll(() => reporter.acknowledged(), patient).toBeGreaterThanOrEqual(n);
      },
    };
  };
  const health: InstanceHealth = {
    agentVersion: '1.5.0',
    openclawVersion: '2026.9.5',
    gateway: 'down',
    uptimeSeconds: 7,
  };
  const restarted: InstanceReport = { kind: 'gateway_restarted', reason: 'unhealthy', missesInARow: 3 };

  it('write the last heartbeat, with the versions that run and nothing else a machine may add', async () => {
    const { say, instance } = await connected();
    // The first answer to the health check says versions too: what it says must be written before.
    await expect.poll(async () => (await instance()).state, patient).toBe('ready');
    const before = Date.now();
    await say({
      kind: 'heartbeat',
      health: { ...health, chat: 'CANARY of a conversation' } as InstanceHealth,
    });
    await expect.poll(async () => (await instance()).health, patient).toEqual(health);
    const { healthAt, agentVersion, openclawVersion } = await instance();
    expect({ agentVersion, openclawVersion }).toEqual({ agentVersion: '1.5.0', openclawVersion: '2026.9.5' });
    expect(Math.abs(Date.parse(healthAt ?? '') - before)).toBeLessThan(60_000);
  });

  it('are shown to the owner, once', async () => {
    const { say, machineEvents } = await connected();
    const again = 'a'.repeat(24);
    await say(restarted, again);
    await say(restarted, again);
    await say(restarted);
    expect((await machineEvents()).map(({ data }) => data.kind)).toEqual([
      'gateway_restarted',
      'gateway_restarted',
    ]);
  });

  it('carry no content into the database: what the contract doesn’t name is dropped', async () => {
    const { say, machineEvents, owner } = await connected();
    await say({ ...restarted, chat: 'CANARY of a conversation' } as InstanceReport);
    await say({ kind: 'support_attempt', grantId: null, outcome: 'denied', reason: 'token=CANARY' });
    const [event] = await machineEvents();
    expect(event?.data).toEqual({ ...restarted, reportedAt: expect.any(String) });
    const audit = await owner.listAudit(10);
    expect(audit).toContainEqual(expect.objectContaining({ action: 'support.attempt', outcome: 'denied' }));
    expect(JSON.stringify(audit)).not.toContain('CANARY');
    expect(api.logged.join('')).not.toContain('CANARY');
  });

  it.each([
    ['no JSON', 'hello\n'],
    ['another form', '{"n":1,"id":"x","at":"now","report":{"kind":"chat"}}\n'],
    [
      'a text that is too long',
      `{"n":1,"id":"${'a'.repeat(24)}","at":"2026-01-01T00:00:00Z","report":{"kind":"agent_update","from":"a","to":"b","outcome":"succeeded","reason":"${'x'.repeat(201)}"}}\n`,
    ],
    ['a line that is too long', 'x'.repeat(reportLineLimitBytes + 1)],
    ['a line that doesn’t end', `${'x'.repeat(reportLineLimitBytes - 1)}xx`],
  ])('that are %s close the stream, say so in the log, and the tunnel lives on', async (_, bytes) => {
    const { reporter, say, machineEvents } = await connected();
    const logged = api.logged.length;
    await reporter.write(bytes);
    await expect.poll(() => reporter.counts().closed, patient).toBe(1);
    expect(api.logged.slice(logged).join('')).toContain('malformed');
    await expect.poll(() => reporter.counts().opened, patient).toBe(2);
    await say(restarted);
    expect(await machineEvents()).toHaveLength(1);
  });

  it('that can’t be committed are not acknowledged, and taken from the next stream', async () => {
    const { reporter, machineEvents, instance, instanceId } = await connected();
    const { default: postgres } = await import('postgres');
    const sql = postgres(api.database.postgresUrl('claw'), { max: 1 });
    await sql`insert into machine_reports (instance_id, id)
      select ${instanceId}, 'aaaaaaaaaaaaaaaa' || n from generate_series(1, 2000) as n`;
    const id = 'b'.repeat(24);
    await reporter.send(restarted, id);
    await reporter.send({ kind: 'heartbeat', health });
    // Heartbeats go on meanwhile, and nothing behind what is held is acknowledged.
    await expect.poll(async () => (await instance()).health, patient).toEqual(health);
    expect(reporter.acknowledged()).toBe(0);
    expect(await machineEvents()).toEqual([]);
    await sql`delete from machine_reports where instance_id = ${instanceId}`;
    await sql.end();
    await expect
      .poll(async () => {
        await reporter.send({ kind: 'heartbeat', health });
        return reporter.counts().opened;
      }, patient)
      .toBe(2);
    await reporter.send(restarted, id);
    await expect.poll(async () => (await machineEvents()).length, patient).toBe(1);
  });

  it('are not asked again of an agent that knows none', async () => {
    let asked = 0;
    const { instanceId, identity } = await registeredInstance(api.database.db);
    agents.push(
      await dialTunnel({
        url: api.url,
        instanceId,
        identity,
        onStream(stream, headers) {
          if (headers[':path'] === '/reports') asked += 1;
          serveHealth(stream, headers);
        },
      }),
    );
    await expect.poll(() => asked, patient).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(asked).toBe(1);
  });

  it('change a machine’s keys: the new one opens the next tunnel, the old one none', async () => {
    const { say, instance, instanceId, identity, agent } = await connected();
    await ready();
    const next = generateIdentity();
    const agentPublicKey = key43();
    await say({ kind: 'identity_rotated', identityPublicKey: toBase64Url(next.publicKey), agentPublicKey });
    expect((await instance()).agentPublicKey).toBe(agentPublicKey);
    // The tunnel that has named the new key goes on.
    await say(restarted);
    const old = await dialTunnel({ url: api.url, instanceId, identity });
    expect(old.verdict).toMatchObject({ type: 'refused', code: 'tunnel_signature_invalid' });
    const fresh = await dialTunnel({ url: api.url, instanceId, identity: next });
    agents.push(fresh);
    expect(fresh.verdict).toMatchObject({ type: 'welcome' });
    expect((await agent.closed).code).toBe(closeCodes.replaced);
  });

  it('from a tunnel of a former key end that tunnel', async () => {
    const { reporter, agent, instanceId, instance } = await connected();
    const { default: postgres } = await import('postgres');
    const sql = postgres(api.database.postgresUrl('claw'), { max: 1 });
    await sql`update instances set identity_public_key = ${key43()} where id = ${instanceId}`;
    await sql.end();
    await reporter.send({ kind: 'goodbye' });
    expect(await agent.closed).toEqual({ code: closeCodes.refused, reason: 'tunnel_key_unknown' });
    expect((await instance()).ejectedAt).toBeNull();
  });

  it('say goodbye: no tunnel any more, and the instance stays in the list', { timeout: 60_000 }, async () => {
    const { say, reporter, instance, instanceId, identity, agent, ownerId } = await connected();
    const at = performance.now();
    await say({ kind: 'goodbye' });
    expect((await instance()).ejectedAt).toEqual(expect.any(String));
    // Said too late, and no reason to cut off the answer that the owner is waiting for.
    await reporter.send(restarted);
    expect(await agent.closed).toEqual({ code: closeCodes.refused, reason: 'tunnel_key_unknown' });
    expect(performance.now() - at).toBeGreaterThan(5_000);
    const again = await dialTunnel({ url: api.url, instanceId, identity });
    expect(again.verdict).toMatchObject({ type: 'refused', code: 'tunnel_key_unknown' });
    const person = await api.person(ownerId);
    expect(await (await person.fetch('/v1/instances')).json()).toMatchObject({
      items: [{ id: instanceId, ejectedAt: expect.any(String), online: false }],
    });
    expect((await person.fetch(`/v1/instances/${instanceId}`, { method: 'DELETE' })).status).toBe(202);
  });
});
