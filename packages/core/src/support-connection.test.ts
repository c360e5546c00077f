import { newId } from '@claw-cloud/contracts';
import { grantedInstance } from '@claw-cloud/db/testing';
import { describe, expect, it } from 'vitest';
import {
  closeSupportConnection,
  listAuditEvents,
  listSupportGrants,
  openSupportConnection,
  restartGateway,
} from './index.ts';
import { stage } from './verbs.fixture.ts';

const on = stage();

describe('a support connection', () => {
  it('is opened by the grant’s token, and everything about it is in its owner’s audit log', async () => {
    const context = on.owner();
    const { instance, grant } = await grantedInstance(on.db, context.actor.ownerId);
    const { id: grantId, tokenHash } = grant;
    expect(await openSupportConnection(context, { grantId, tokenHash })).toEqual({
      instanceId: instance.id,
    });
    await closeSupportConnection(context, { grantId, seconds: 12.5, bytesUp: 100, bytesDown: 2000 });
    await expect(
      openSupportConnection(context, { grantId, tokenHash: 'b'.repeat(64) }),
    ).rejects.toMatchObject({ code: 'grant_token_invalid' });
    const audit = (await listAuditEvents(context)).filter(({ action }) => action.startsWith('support.'));
    expect(audit.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'support.connect denied',
      'support.disconnect succeeded',
      'support.connect allowed',
      'support.grant succeeded',
    ]);
    expect(audit[1]?.detail).toMatchObject({ grantId, seconds: 12.5, bytesUp: 100, bytesDown: 2000 });
  });

  it('is not opened by nonsense', async () => {
    const context = on.owner();
    for (const input of [
      {},
      { grantId: 'x', tokenHash: 'a'.repeat(64) },
      { grantId: newId('grant'), tokenHash: "'; drop table support_grants; --" },
    ])
      await expect(openSupportConnection(context, input)).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(
      openSupportConnection(context, { grantId: newId('grant'), tokenHash: 'a'.repeat(64) }),
    ).rejects.toMatchObject({ code: 'grant_unknown' });
  });

  it('is over for its owner’s eyes when its time is', async () => {
    // The fixture's clock stands at the beginning of 2026.
    const context = on.owner();
    const { instance, grant } = await grantedInstance(on.db, context.actor.ownerId, {
      startsAt: '2025-12-31T20:00:00.000Z',
      endsAt: '2025-12-31T23:59:59.000Z',
    });
    expect(await listSupportGrants(context, { instanceId: instance.id })).toMatchObject([
      { endedAt: grant.endsAt, endedWhy: 'expired' },
    ]);
  });
});

describe('a restart of the gateway', () => {
  it('that breaks in a way nobody has foreseen is noted too', async () => {
    const context = on.owner();
    const { instance } = await grantedInstance(on.db, context.actor.ownerId);
    const input = { instanceId: instance.id };
    await expect(
      restartGateway(context, input, async () => {
        throw new Error('the tunnel broke');
      }),
    ).rejects.toThrow('the tunnel broke');
    expect((await listAuditEvents(context, { limit: 1 }))[0]).toMatchObject({
      action: 'instance.restart_gateway',
      outcome: 'failed',
      detail: { code: 'internal' },
    });
    let asked = '';
    await restartGateway(context, input, async ({ id }) => {
      asked = id;
    });
    expect(asked).toBe(instance.id);
    await expect(restartGateway(on.owner(), input, async () => {})).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});
