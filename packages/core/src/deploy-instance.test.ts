import { askedDeploy, deployInput, destroyed, readyCredential, readyInstance } from '@claw-cloud/db/testing';
import { describe, expect, it } from 'vitest';
import {
  deployInstance,
  destroyInstance,
  getInstance,
  getOperation,
  getReceipt,
  listAuditEvents,
  listInstances,
} from './index.ts';
import { stage } from './verbs.fixture.ts';

const on = stage();

const withCredential = async () => {
  const context = on.owner();
  return { context, credential: await readyCredential(on.db, context.actor.ownerId) };
};

describe('deployInstance', () => {
  it('writes the intent and asks for the work', async () => {
    const { context, credential } = await withCredential();
    const { instance, operation, created } = await deployInstance(context, deployInput(credential.id));
    expect(created).toBe(true);
    expect(context.jobs).toEqual([
      { name: 'operation.run', data: { operationId: operation.id }, jobId: `run_${operation.id}_0` },
    ]);
    expect(await getInstance(context, { instanceId: instance.id })).toEqual(instance);
    expect(await getOperation(context, { operationId: operation.id })).toEqual(operation);
  });

  it('pressed twice at once is one instance, one operation, one job', async () => {
    const { context, credential } = await withCredential();
    const input = deployInput(credential.id);
    const both = await Promise.all([deployInstance(context, input), deployInstance(context, input)]);
    expect(both.map(({ created }) => created).sort()).toEqual([false, true]);
    expect(both[0].operation.id).toBe(both[1].operation.id);
    expect(await listInstances(context)).toHaveLength(1);
    // The queue keeps one job for one id.
    expect(new Set(context.jobs.map(({ jobId }) => jobId)).size).toBe(1);
  });

  it('again answers as before, even when the catalogue has changed since', async () => {
    const { context, credential } = await withCredential();
    const input = deployInput(credential.id);
    const first = await deployInstance(context, input);
    const empty = { provider: 'sandbox', currency: 'EUR', regions: [], sizes: [], image: 'x' } as const;
    await on.db.provisioner.storeCatalogue(credential.id, {
      ...empty,
      regions: [],
      sizes: [],
      fetchedAt: '2026-01-01T00:00:00.000Z',
    });
    expect(await deployInstance(context, input)).toEqual({ ...first, created: false });
  });

  it.each([
    ['region_unknown', { region: 'mars' }, 'no region “mars”', 'here, there'],
    ['size_unknown', { size: 'huge' }, 'no size “huge”', 'good, tiny'],
    ['size_unknown', { size: 'far' }, 'The size “far” is not offered in “here”', 'good, tiny'],
    ['size_too_small', { size: 'tiny' }, 'The size “tiny” has 1024 MB of memory', 'at least 4000 MB: good'],
    ['intake_key_unknown', { enrolment: { kid: 'kid-0', box: 'AAAA' } }, 'no longer in use', 'Reload'],
    ['invalid_request', { expectedMonthlyPrice: -1 }, 'expectedMonthlyPrice', 'Correct'],
  ])('refuses with %s for %o and leaves nothing behind', async (code, changes, message, fix) => {
    const { context, credential } = await withCredential();
    await expect(deployInstance(context, deployInput(credential.id, changes))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
      fix: expect.stringContaining(fix),
    });
    expect(await listInstances(context)).toEqual([]);
    expect(context.jobs).toEqual([]);
    const denied = (await listAuditEvents(context)).filter(({ outcome }) => outcome === 'denied');
    // What isn't even a request has no target to audit.
    expect(denied.map(({ detail }) => detail.code)).toEqual(code === 'invalid_request' ? [] : [code]);
  });

  it('with another owner’s credential finds none', async () => {
    const { credential } = await withCredential();
    const stranger = on.owner();
    await expect(deployInstance(stranger, deployInput(credential.id))).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(await listInstances(stranger)).toEqual([]);
  });
});

describe('destroyInstance', () => {
  it('writes the intent, asks for the work, and leaves a receipt at the end', async () => {
    const context = on.owner();
    const { instance } = await readyInstance(on.db, context.actor.ownerId);
    const operation = await destroyInstance(context, { instanceId: instance.id });
    expect(operation).toMatchObject({ kind: 'destroy', state: 'queued', instanceId: instance.id });
    expect(context.jobs).toEqual([
      { name: 'operation.run', data: { operationId: operation.id }, jobId: `run_${operation.id}_0` },
    ]);
    expect((await destroyInstance(context, { instanceId: instance.id })).id).toBe(operation.id);
    await expect(getReceipt(context, { instanceId: instance.id })).rejects.toMatchObject({
      code: 'not_found',
    });
    const { receipt } = await destroyed(on.db, context.actor.ownerId, instance.id);
    expect(await getReceipt(context, { instanceId: instance.id })).toEqual(receipt);
    const jobs = context.jobs.length;
    expect(await destroyInstance(context, { instanceId: instance.id })).toMatchObject({ state: 'succeeded' });
    expect(context.jobs).toHaveLength(jobs);
  });

  it('waits for a deploy at work, and says so in the audit log', async () => {
    const context = on.owner();
    const { instance, operation } = await askedDeploy(on.db, context.actor.ownerId);
    await on.db.provisioner.acquireLease(operation.id, 'test', 60_000);
    await expect(destroyInstance(context, { instanceId: instance.id })).rejects.toMatchObject({
      code: 'instance_busy',
    });
    expect(await listAuditEvents(context, { limit: 1 })).toMatchObject([
      {
        action: 'instance.destroy',
        target: instance.id,
        outcome: 'denied',
        detail: { code: 'instance_busy' },
      },
    ]);
  });
});

it('another owner’s ids are not found by any verb', async () => {
  const { instance, operation } = await readyInstance(on.db);
  const stranger = on.owner();
  for (const verb of [getInstance, destroyInstance, getReceipt])
    await expect(verb(stranger, { instanceId: instance.id })).rejects.toMatchObject({ code: 'not_found' });
  await expect(getOperation(stranger, { operationId: operation.id })).rejects.toMatchObject({
    code: 'not_found',
  });
});
