import { newId, type Operation } from '@claw-cloud/contracts';
import { bootingInstance, readyCredential, readyInstance, strayOf } from '@claw-cloud/db/testing';
import { describe, expect, it } from 'vitest';
import type { OwnerContext } from './context.ts';
import {
  checkInstance,
  deleteStray,
  getInstance,
  listAuditEvents,
  listStrays,
  powerInstance,
  repairInstance,
  replaceCredential,
  resizeInstance,
} from './index.ts';
import { stage } from './verbs.fixture.ts';

const on = stage();

const withServer = async () => {
  const context = on.owner();
  const { instance } = await readyInstance(on.db, context.actor.ownerId);
  return { context, instance, instanceId: instance.id };
};
const wishes = {
  start: (context: OwnerContext, instanceId: string) => powerInstance(context, { instanceId, wish: 'start' }),
  stop: (context: OwnerContext, instanceId: string) => powerInstance(context, { instanceId, wish: 'stop' }),
  reboot: (context: OwnerContext, instanceId: string) =>
    powerInstance(context, { instanceId, wish: 'reboot' }),
  check: (context: OwnerContext, instanceId: string) => checkInstance(context, { instanceId }),
  repair: (context: OwnerContext, instanceId: string) => repairInstance(context, { instanceId }),
} satisfies Partial<Record<Operation['kind'], unknown>>;

describe.each(Object.entries(wishes))('the wish to %s', (kind, ask) => {
  it('is written down, carried out once however often it is said, and audited', async () => {
    const { context, instanceId } = await withServer();
    const [first, second] = await Promise.all([ask(context, instanceId), ask(context, instanceId)]);
    expect(first).toMatchObject({ kind, state: 'queued', instanceId });
    expect(second.id).toBe(first.id);
    expect(new Set(context.jobs.map(({ name, jobId }) => `${name} ${jobId}`))).toEqual(
      new Set([`operation.run run_${first.id}_0`]),
    );
    expect((await listAuditEvents(context, { limit: 1 }))[0]).toMatchObject({
      action: `instance.${kind}`,
      target: instanceId,
      outcome: 'allowed',
    });
  });

  it('waits for nothing else that is at work, and says so', async () => {
    const { context, instanceId } = await withServer();
    await (kind === 'check' ? wishes.stop : wishes.check)(context, instanceId);
    await expect(ask(context, instanceId)).rejects.toMatchObject({ code: 'instance_busy' });
    expect((await listAuditEvents(context, { limit: 1 }))[0]).toMatchObject({
      action: `instance.${kind}`,
      outcome: 'denied',
      detail: { code: 'instance_busy' },
    });
  });

  it('is for a server that is there, and its own', async () => {
    const context = on.owner();
    const { instance } = await bootingInstance(on.db, context.actor.ownerId);
    await expect(ask(context, instance.id)).rejects.toMatchObject({ code: 'conflict' });
    const stranger = on.owner();
    await expect(ask(stranger, instance.id)).rejects.toMatchObject({ code: 'not_found' });
    expect([...context.jobs, ...stranger.jobs]).toEqual([]);
  });
});

describe('resizeInstance', () => {
  // The catalogue of the fixture has one size that fits in this region, and another elsewhere.
  const bigger = async (context: OwnerContext, credentialId: string, monthly = 9) => {
    const catalogue = await on.db.owner(context.actor.ownerId).getCatalogue(credentialId);
    const [good] = catalogue.sizes;
    if (!good) throw new Error('no size');
    const offers = [{ region: 'here', available: true, monthly, hourly: 0.013 }];
    await on.db.provisioner.storeCatalogue(credentialId, {
      ...catalogue,
      sizes: [...catalogue.sizes, { ...good, id: 'big', name: 'big', memoryMb: 8192, offers }],
    });
  };

  it('asks for the size at the price that was shown', async () => {
    const { context, instance, instanceId } = await withServer();
    await bigger(context, instance.credentialId);
    const wish = { instanceId, size: 'big', expectedMonthlyPrice: 9 };
    const operation = await resizeInstance(context, wish);
    expect(operation).toMatchObject({ kind: 'resize', state: 'queued' });
    expect((await resizeInstance(context, wish)).id).toBe(operation.id);
    expect((await getInstance(context, { instanceId })).state).toBe('resizing');
  });

  it('refuses before anything is written when the price is another one', async () => {
    const { context, instance, instanceId } = await withServer();
    await bigger(context, instance.credentialId, 9.5);
    await expect(
      resizeInstance(context, { instanceId, size: 'big', expectedMonthlyPrice: 9 }),
    ).rejects.toMatchObject({ code: 'price_changed', message: expect.stringContaining('9.50 EUR') });
    expect((await getInstance(context, { instanceId })).state).toBe('ready');
    expect(context.jobs).toEqual([]);
  });

  it.each([
    ['good', 'resize_impossible'],
    ['far', 'size_unknown'],
    ['tiny', 'size_too_small'],
    ['none', 'size_unknown'],
  ])('refuses “%s” with %s', async (size, code) => {
    const { context, instanceId } = await withServer();
    await expect(
      resizeInstance(context, { instanceId, size, expectedMonthlyPrice: 4.5 }),
    ).rejects.toMatchObject({ code });
  });
});

describe('replaceCredential', () => {
  it('has another credential tried', async () => {
    const { context, instanceId } = await withServer();
    const { id } = await readyCredential(on.db, context.actor.ownerId);
    const operation = await replaceCredential(context, { instanceId, credentialId: id });
    expect(operation).toMatchObject({ kind: 'check', state: 'queued' });
    expect(context.jobs).toHaveLength(1);
  });

  it('knows nobody else’s', async () => {
    const { context, instanceId } = await withServer();
    const { id } = await readyCredential(on.db, on.owner().actor.ownerId);
    await expect(replaceCredential(context, { instanceId, credentialId: id })).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});

describe('strays', () => {
  it('are listed to their owner alone; one that no record binds is not deleted', async () => {
    const context = on.owner();
    const { id } = await readyCredential(on.db, context.actor.ownerId);
    const stray = await strayOf(on.db, context.actor.ownerId, id);
    expect(await listStrays(context)).toEqual([stray]);
    expect(await listStrays(on.owner())).toEqual([]);
    await expect(deleteStray(context, { strayId: stray.id })).rejects.toMatchObject({ code: 'conflict' });
    await expect(deleteStray(on.owner(), { strayId: stray.id })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(deleteStray(context, { strayId: newId('stray') })).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(context.jobs).toEqual([]);
  });
});
