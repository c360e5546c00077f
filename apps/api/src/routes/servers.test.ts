import { newId } from '@claw-cloud/contracts';
import { toBase64Url } from '@claw-cloud/crypto';
import { reportLine, sampleGrant } from '@claw-cloud/db/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReporter, dialTunnel } from '../testing/agent.ts';
import { startTestApi, type TestApi } from '../testing/harness.ts';
import { registeredInstance } from '../testing/instance.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

const restart = (id: string) => `/v1/instances/${id}/restart-gateway`;
const auditOf = async (ownerId: string) =>
  (await api.database.db.owner(ownerId).listAudit(20))
    .filter(({ action }) => action === 'instance.restart_gateway')
    .map(({ outcome, detail }) => [outcome, detail.code]);

describe('a restart of the gateway', () => {
  it('is asked for through the tunnel, and its outcome is noted', async () => {
    const { instanceId, ownerId, identity } = await registeredInstance(api.database.db);
    const person = await api.person(ownerId);
    const offline = await person.fetch(restart(instanceId), { method: 'POST' });
    expect([offline.status, await offline.json()]).toMatchObject([503, { code: 'instance_offline' }]);

    const reporter = createReporter();
    const agent = await dialTunnel({ url: api.url, instanceId, identity, onStream: reporter.onStream });
    expect((await person.fetch(restart(instanceId), { method: 'POST' })).status).toBe(202);
    expect(reporter.restarts()).toBe(1);
    expect(await auditOf(ownerId)).toEqual([
      ['succeeded', undefined],
      ['failed', 'instance_offline'],
    ]);
    agent.close();
  });

  it.each([
    [429, 429, 'rate_limited'],
    [404, 503, 'gateway_unavailable'],
    [500, 503, 'gateway_unavailable'],
  ])('that the agent answers with %i fails with %i', async (answered, status, code) => {
    const { instanceId, ownerId, identity } = await registeredInstance(api.database.db);
    const { onStream } = createReporter(answered);
    const agent = await dialTunnel({ url: api.url, instanceId, identity, onStream });
    const response = await (await api.person(ownerId)).fetch(restart(instanceId), { method: 'POST' });
    expect([response.status, await response.json()]).toMatchObject([status, { code }]);
    expect(await auditOf(ownerId)).toEqual([['failed', code]]);
    agent.close();
  });

  it('is nothing for strangers', async () => {
    const { instanceId, identity } = await registeredInstance(api.database.db);
    const reporter = createReporter();
    const agent = await dialTunnel({ url: api.url, instanceId, identity, onStream: reporter.onStream });
    const stranger = await api.person();
    expect((await stranger.fetch(restart(instanceId), { method: 'POST' })).status).toBe(404);
    expect((await stranger.fetch(restart(newId('instance')), { method: 'POST' })).status).toBe(404);
    expect((await api.fetch(restart(instanceId), { method: 'POST' })).status).toBe(401);
    expect(reporter.restarts()).toBe(0);
    agent.close();
  });
});

describe('support grants', () => {
  it('are listed to their owner; one whose time is over has ended, whether the machine said so or not', async () => {
    const { instanceId, ownerId, identity } = await registeredInstance(api.database.db);
    const grants = [sampleGrant(), sampleGrant({ startsAt: hoursAgo(3), endsAt: hoursAgo(2) })] as const;
    for (const grant of grants)
      await api.database.db.machine.report(
        instanceId,
        toBase64Url(identity.publicKey),
        reportLine({ kind: 'grant_opened', grant }),
      );
    const path = `/v1/instances/${instanceId}/support-grants`;
    const response = await (await api.person(ownerId)).fetch(path);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({
      items: [
        { id: grants[0].id, instanceId, endedAt: null, endedWhy: null, connections: 0 },
        { id: grants[1].id, endedAt: grants[1].endsAt, endedWhy: 'expired' },
      ],
    });
    expect(text).not.toContain(grants[0].tokenHash);
    expect((await (await api.person()).fetch(path)).status).toBe(404);
  });
});

const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
