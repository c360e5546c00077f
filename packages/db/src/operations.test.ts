import { type Failure, type InstanceState, newId } from '@claw-cloud/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  askedDeploy,
  bootingInstance,
  newOwnerId,
  readyCredential,
  readyInstance,
  startTestDatabase,
  type TestDatabase,
} from './testing/index.ts';
import type { Database, Lease, OperationResult } from './types.ts';

let test: TestDatabase;
let db: Database;
beforeAll(async () => {
  test = await startTestDatabase();
  db = test.db;
});
afterAll(() => test?.stop());

const failure = (code: Failure['code'], resourceMayExist = false): Failure => ({
  code,
  retryable: true,
  resourceMayExist,
  message: 'It did not work.',
  fix: 'Try again.',
});
const take = async (operationId: string) =>
  (await db.provisioner.acquireLease(operationId, 'test', 60_000)) as Lease;

/** Takes an operation up and ends it. */
async function finish(
  operationId: string,
  instanceState: InstanceState,
  more: Partial<OperationResult> = {},
) {
  const lease = await take(operationId);
  await db.provisioner.finishOperation(operationId, lease.epoch, {
    state: more.failure ? 'failed' : 'succeeded',
    failure: null,
    receipt: null,
    instanceState,
    ...more,
  });
  return lease;
}

/** A ready instance and its owner's repository. */
async function ready() {
  const { ownerId, instance } = await readyInstance(db);
  const owner = db.owner(ownerId);
  const state = async () => (await owner.getInstance(instance.id)).state;
  return { ownerId, owner, id: instance.id, credentialId: instance.credentialId, state };
}

describe('power', () => {
  it('stops, starts and reboots, with the state on the way shown', async () => {
    const { owner, id, state } = await ready();
    const stop = await owner.powerInstance(id, 'stop', newId('operation'));
    expect(stop).toMatchObject({ kind: 'stop', state: 'queued' });
    expect(await state()).toBe('stopping');
    expect(await finish(stop.id, 'stopped')).toMatchObject({ stateBefore: 'ready', wishedSize: null });
    expect(await owner.getInstance(id)).toMatchObject({ state: 'stopped', online: false });
    await expect(owner.powerInstance(id, 'reboot', newId('operation'))).rejects.toMatchObject({
      code: 'conflict',
      message: "It is stopped and can't be rebooted now.",
    });
    const start = await owner.powerInstance(id, 'start', newId('operation'));
    expect(await state()).toBe('starting');
    await finish(start.id, 'ready');
    const reboot = await owner.powerInstance(id, 'reboot', newId('operation'));
    expect(await state()).toBe('rebooting');
    await finish(reboot.id, 'ready');
    expect(await state()).toBe('ready');
  });

  it('is one operation for the same id and for the same wish, and refuses every other one meanwhile', async () => {
    const { owner, id } = await ready();
    const operationId = newId('operation');
    const asked = await owner.powerInstance(id, 'stop', operationId);
    expect(await owner.powerInstance(id, 'stop', operationId)).toEqual(asked);
    expect(await owner.powerInstance(id, 'stop', newId('operation'))).toEqual(asked);
    const busy = { code: 'instance_busy', message: 'The instance “My claw” is being stopped.' };
    await expect(owner.powerInstance(id, 'start', newId('operation'))).rejects.toMatchObject(busy);
    await expect(owner.checkInstance(id, newId('operation'))).rejects.toMatchObject(busy);
    await expect(owner.repairInstance(id, newId('operation'))).rejects.toMatchObject(busy);
    await expect(
      owner.resizeInstance(id, { size: 'far', expectedMonthlyPrice: 9 }, newId('operation')),
    ).rejects.toMatchObject(busy);
    await finish(asked.id, 'stopped');
    // Its end does not make the same request a new one, and its id does not serve for another wish.
    expect(await owner.powerInstance(id, 'stop', operationId)).toMatchObject({
      id: operationId,
      state: 'succeeded',
    });
    await expect(owner.powerInstance(id, 'start', operationId)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('goes back to what it was when it fails, and says why', async () => {
    const { owner, id } = await ready();
    const stop = await owner.powerInstance(id, 'stop', newId('operation'));
    await finish(stop.id, 'ready', { failure: failure('resource_locked') });
    expect(await owner.getInstance(id)).toMatchObject({
      state: 'ready',
      failure: { code: 'resource_locked' },
    });
    expect(await owner.getOperation(stop.id)).toMatchObject({
      state: 'failed',
      failure: { code: 'resource_locked' },
    });
    await owner.powerInstance(id, 'reboot', newId('operation'));
    expect(await owner.getInstance(id)).toMatchObject({ failure: null });
  });

  it('is not ended by what the machine says meanwhile, but a server started by hand is ready', async () => {
    const { owner, id, state } = await ready();
    const health = { agentVersion: '1', openclawVersion: '2', gateway: 'ready', uptimeSeconds: 1 } as const;
    const stop = await owner.powerInstance(id, 'stop', newId('operation'));
    await db.machine.markReady(id, health);
    expect(await state()).toBe('stopping');
    await finish(stop.id, 'stopped');
    await db.machine.markReady(id, health);
    expect(await state()).toBe('ready');
  });

  it('is for a server that is there', async () => {
    const { ownerId, instance } = await bootingInstance(db);
    await expect(
      db.owner(ownerId).powerInstance(instance.id, 'stop', newId('operation')),
    ).rejects.toMatchObject({
      code: 'conflict',
      message: "It is booting and can't be stopped now.",
    });
  });
});

describe('a resize', () => {
  it('tells the worker size and price, and keeps both when it is done', async () => {
    const { owner, id, state } = await ready();
    const wish = { size: 'far', expectedMonthlyPrice: 9.5 };
    const asked = await owner.resizeInstance(id, wish, newId('operation'));
    expect(await owner.resizeInstance(id, wish, newId('operation'))).toEqual(asked);
    await expect(
      owner.resizeInstance(id, { ...wish, size: 'other' }, newId('operation')),
    ).rejects.toMatchObject({ code: 'instance_busy' });
    expect(await state()).toBe('resizing');
    const lease = await finish(asked.id, 'ready', { size: 'far', monthlyPrice: 9.5, currency: 'EUR' });
    expect(lease).toMatchObject({ wishedSize: 'far', expectedMonthlyPrice: 9.5, hourlyPrice: 0.006 });
    expect(await owner.getInstance(id)).toMatchObject({ state: 'ready', size: 'far', monthlyPrice: 9.5 });
  });
});

describe('a check and a repair', () => {
  const drift = { checkedAt: '2026-01-01T00:00:00.000Z', items: [] };

  it('keep what was found; the check leaves the state as it is', async () => {
    const { owner, id, state } = await ready();
    const check = await owner.checkInstance(id, newId('operation'));
    expect(await state()).toBe('ready');
    await finish(check.id, 'ready', { drift });
    expect(await owner.getInstance(id)).toMatchObject({ state: 'ready', drift });
    const repair = await owner.repairInstance(id, newId('operation'));
    expect(await state()).toBe('repairing');
    await finish(repair.id, 'ready', { drift });
    expect(await state()).toBe('ready');
  });

  it('with another credential moves the instance to it when it fits', async () => {
    const { ownerId, owner, id, credentialId } = await ready();
    const other = await readyCredential(db, ownerId);
    const refused = await owner.replaceCredential(id, other.id, newId('operation'));
    const lease = await finish(refused.id, 'ready', { failure: failure('server_missing') });
    expect(lease).toMatchObject({ newCredential: true, credential: { id: other.id } });
    expect(await owner.getInstance(id)).toMatchObject({ credentialId });
    const taken = await owner.replaceCredential(id, other.id, newId('operation'));
    await finish(taken.id, 'ready', { credentialId: other.id });
    expect(await owner.getInstance(id)).toMatchObject({ credentialId: other.id });
    await owner.removeCredential(credentialId);
  });
});

describe('a destroy', () => {
  it.concurrent.each(['stop', 'resize', 'check', 'repair'] as const)(
    'takes the place of a %s at work',
    async (kind) => {
      const { owner, id, state } = await ready();
      const operationId = newId('operation');
      if (kind === 'stop') await owner.powerInstance(id, 'stop', operationId);
      if (kind === 'resize')
        await owner.resizeInstance(id, { size: 'far', expectedMonthlyPrice: 1 }, operationId);
      if (kind === 'check') await owner.checkInstance(id, operationId);
      if (kind === 'repair') await owner.repairInstance(id, operationId);
      const lease = (await db.provisioner.acquireLease(operationId, 'test', 5_000)) as Lease;
      const engine = { host: 'here', pid: 1, startedAt: '2026-01-01T00:00:00.000Z' };
      await db.provisioner.recordEngineProcess(operationId, lease.epoch, engine);
      const destroy = await owner.destroyInstance(id, newId('operation'));
      expect(await state()).toBe('destroying');
      await expect(db.provisioner.renewLease(operationId, lease.epoch, 5_000)).rejects.toMatchObject({
        code: 'lease_lost',
      });
      // Until the former holder must have given up nobody starts.
      expect(await db.provisioner.acquireLease(destroy.id, 'test', 60_000)).toBeNull();
      await expect
        .poll(() => db.provisioner.acquireLease(destroy.id, 'test', 60_000), { timeout: 15_000 })
        .toMatchObject({ engineProcess: engine });
    },
  );

  it('that fails is tried again by itself after growing pauses, for a while', async () => {
    const { owner, id } = await ready();
    const retry = (forMs: number) => ({ firstMs: 30, longestMs: 40, forMs });
    const left = failure('destroy_incomplete', true);
    const { id: first } = await owner.destroyInstance(id, newId('operation'));
    await finish(first, 'failed', { failure: left, retry: retry(600_000) });
    // The last of them comes when the time for tries is over.
    for (const forMs of [600_000, 600_000, 1]) {
      expect((await owner.getInstance(id)).retryAt).not.toBeNull();
      const due = async () => (await db.provisioner.retryDestroys()).some((entry) => entry.id === id);
      await expect.poll(due, { timeout: 10_000 }).toBe(true);
      const { operationId, ...instance } = await owner.getInstance(id);
      expect(instance).toMatchObject({ state: 'destroying', retryAt: null });
      await finish(operationId ?? '', 'failed', { failure: left, retry: retry(forMs) });
      expect(await owner.getInstance(id)).toMatchObject({ state: 'failed', failure: left });
    }
    expect((await owner.getInstance(id)).retryAt).toBeNull();
    // Given up, and shown all the same; the owner's own wish starts anew.
    const { id: last } = await owner.destroyInstance(id, newId('operation'));
    await finish(last, 'failed', { failure: left });
    const { retryAt } = await owner.getInstance(id);
    const pauseMs = Date.parse(retryAt ?? '') - Date.now();
    expect(pauseMs).toBeGreaterThan(4 * 60_000);
    expect(pauseMs).toBeLessThan(6 * 60_000);
  });

  it('that is due stays so while somebody looks, and is tried at once with another credential', async () => {
    const { ownerId, owner, id } = await ready();
    const { id: first } = await owner.destroyInstance(id, newId('operation'));
    await finish(first, 'failed', { failure: failure('credential_rejected', true) });
    const { retryAt } = await owner.getInstance(id);
    expect(retryAt).not.toBeNull();
    const other = await readyCredential(db, ownerId);
    const refused = await owner.replaceCredential(id, other.id, newId('operation'));
    await finish(refused.id, 'failed', { failure: failure('server_missing') });
    expect(await owner.getInstance(id)).toMatchObject({
      state: 'failed',
      retryAt,
      failure: { code: 'credential_rejected' },
    });
    const taken = await owner.replaceCredential(id, other.id, newId('operation'));
    await finish(taken.id, 'failed', { credentialId: other.id });
    expect((await db.provisioner.retryDestroys()).map((entry) => entry.id)).toContain(id);
  });

  it('that clears up after a failed deploy leaves the deploy’s failure to be seen', async () => {
    const { ownerId, instance, operation } = await askedDeploy(db);
    const owner = db.owner(ownerId);
    const lost = failure('engine_failed', true);
    await finish(operation.id, 'failed', {
      failure: lost,
      retry: { firstMs: 1, longestMs: 1, forMs: 60_000 },
    });
    const again = await expect
      .poll(async () => (await db.provisioner.retryDestroys()).find(({ id }) => id === instance.id), {
        timeout: 10_000,
      })
      .toBeDefined()
      .then(async () => (await owner.getInstance(instance.id)).operationId ?? '');
    await finish(again, 'destroyed');
    expect(await owner.getInstance(instance.id)).toMatchObject({
      state: 'failed',
      retryAt: null,
      failure: { ...lost, resourceMayExist: false },
    });
    expect(await db.provisioner.retryDestroys()).toEqual([]);
    const { id } = await owner.destroyInstance(instance.id, newId('operation'));
    await finish(id, 'destroyed');
    expect(await owner.getInstance(instance.id)).toMatchObject({ state: 'destroyed' });
  });

  it('is not tried again when the deploy left nothing', async () => {
    const { ownerId, instance, operation } = await askedDeploy(db);
    await finish(operation.id, 'failed', { failure: failure('size_sold_out') });
    expect(await db.owner(ownerId).getInstance(instance.id)).toMatchObject({
      state: 'failed',
      retryAt: null,
    });
  });
});

describe('an operation that waits for the cloud', () => {
  it('is nobody’s work until then, tells its owner, and does not wait for ever', async () => {
    const { owner, id } = await ready();
    const { id: operationId } = await owner.powerInstance(id, 'stop', newId('operation'));
    const { epoch } = await take(operationId);
    const until = new Date(Date.now() + 5_000);
    expect(await db.provisioner.postponeOperation(operationId, epoch, until, 'It waits.', 1)).toBe(true);
    const isPending = async () =>
      (await db.provisioner.pendingWork()).operations.some((operation) => operation.id === operationId);
    expect(await isPending()).toBe(false);
    expect(await db.provisioner.acquireLease(operationId, 'test', 60_000)).toBeNull();
    const events = await owner.listEvents(id, 0, 500);
    expect(events.at(-1)).toMatchObject({
      kind: 'progress',
      data: { step: 'waiting', message: 'It waits.' },
    });
    await expect.poll(isPending, { timeout: 15_000 }).toBe(true);
    const second = await take(operationId);
    expect(second.operation.attempt).toBe(1);
    expect(
      await db.provisioner.postponeOperation(operationId, second.epoch, new Date(), 'It waits.', 1),
    ).toBe(false);
  });
});

describe('an owner’s external id', () => {
  it('is that owner’s alone and stays', async () => {
    const [one, other] = [db.owner(newOwnerId()), db.owner(newOwnerId())];
    const id = await one.externalId();
    expect(id).toMatch(/^claw-[0-9a-f]{32}$/);
    expect(await one.externalId()).toBe(id);
    expect(await other.externalId()).not.toBe(id);
  });
});
