import { type Failure, newId } from '@claw-cloud/contracts';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  askedDeploy,
  bootingInstance,
  credentialInput,
  destroyed,
  inOneHour,
  key43,
  newOwnerId,
  readyCredential,
  readyInstance,
  registrationOf,
  sampleCatalogue,
  sampleEnvelope,
  startTestDatabase,
  type TestDatabase,
} from './testing/index.ts';
import type { Database, Lease } from './types.ts';

let test: TestDatabase;
let db: Database;
beforeAll(async () => {
  test = await startTestDatabase();
  db = test.db;
});
afterAll(() => test?.stop());

const take = async (operationId: string, holder = 'worker'): Promise<Lease> => {
  const lease = await db.provisioner.acquireLease(operationId, holder, 60_000);
  if (!lease) throw new Error('no lease');
  return lease;
};
const failure: Failure = {
  code: 'cloud_unavailable',
  retryable: true,
  resourceMayExist: false,
  message: 'The cloud is away.',
  fix: 'Try again.',
};
const succeeded = { state: 'succeeded', failure: null, receipt: null } as const;

describe('a lease', () => {
  it('brings everything the worker needs', async () => {
    const { ownerId, instance, operation } = await askedDeploy(db);
    const lease = await take(operation.id);
    expect(lease).toMatchObject({
      epoch: 1,
      operation: { id: operation.id, state: 'running', attempt: 1 },
      instance: { id: instance.id, state: 'queued' },
      expectedMonthlyPrice: 4.5,
      credential: { id: instance.credentialId, ownerId, provider: 'sandbox', envelope: { owner: ownerId } },
      enrolment: { kid: 'kid-1' },
      stackSecret: null,
      engineProcess: null,
    });
  });

  it('goes to exactly one of twenty who want it at once', async () => {
    const { operation } = await askedDeploy(db);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        db.provisioner.acquireLease(operation.id, `worker-${at}`, 60_000),
      ),
    );
    expect(answers.filter((lease) => lease !== null)).toHaveLength(1);
  });

  it('that was given up is taken over with a higher epoch, and the former holder is refused everywhere', async () => {
    const { operation, instance } = await askedDeploy(db);
    const { provisioner } = db;
    const old = await take(operation.id, 'first');
    const engine = { host: 'h', pid: 42, startedAt: '2026-01-01T00:00:00.000Z' };
    await provisioner.recordEngineProcess(operation.id, old.epoch, engine);
    const secret = sampleEnvelope('o', instance.id, 'stack');
    await provisioner.storeStackSecret(operation.id, old.epoch, secret);
    await provisioner.releaseLease(operation.id, old.epoch);
    expect((await provisioner.pendingWork()).operations).toContainEqual({
      id: operation.id,
      epoch: old.epoch,
    });

    const now = await take(operation.id, 'second');
    expect(now).toMatchObject({
      epoch: old.epoch + 1,
      operation: { attempt: 2 },
      engineProcess: engine,
      stackSecret: secret,
    });
    const stale: Record<string, Promise<unknown>> = {
      renewLease: provisioner.renewLease(operation.id, old.epoch, 1000),
      releaseLease: provisioner.releaseLease(operation.id, old.epoch),
      recordEngineProcess: provisioner.recordEngineProcess(operation.id, old.epoch, engine),
      setState: provisioner.setState(operation.id, old.epoch, 'preflight'),
      appendEvent: provisioner.appendEvent(operation.id, old.epoch, 'log', { line: 'x' }),
      storeStackSecret: provisioner.storeStackSecret(operation.id, old.epoch, secret),
      storeRegistration: provisioner.storeRegistration(operation.id, old.epoch, key43(), inOneHour()),
      eraseEnrolment: provisioner.eraseEnrolment(operation.id, old.epoch),
      finishOperation: provisioner.finishOperation(operation.id, old.epoch, {
        ...succeeded,
        instanceState: 'booting',
      }),
    };
    const answers = await Promise.allSettled(Object.values(stale));
    for (const [at, name] of Object.keys(stale).entries())
      expect(answers[at], name).toMatchObject({ status: 'rejected', reason: { code: 'lease_lost' } });
    await provisioner.renewLease(operation.id, now.epoch, 60_000);
  });

  it('that runs out is pending work again, and one that is renewed is not', async () => {
    const dying = await askedDeploy(db);
    const living = await askedDeploy(db);
    await db.provisioner.acquireLease(living.operation.id, 'worker', 5000);
    await db.provisioner.renewLease(living.operation.id, 1, 60_000);
    await db.provisioner.acquireLease(dying.operation.id, 'worker', 5000);
    const pending = async () => (await db.provisioner.pendingWork()).operations.map(({ id }) => id);
    expect(await pending()).not.toContain(dying.operation.id);
    await expect.poll(pending, { timeout: 15_000 }).toContain(dying.operation.id);
    expect(await pending()).not.toContain(living.operation.id);
    expect(await db.provisioner.acquireLease(living.operation.id, 'other', 1000)).toBeNull();
    expect(await take(dying.operation.id, 'other')).toMatchObject({ epoch: 2 });
  });

  it('of what is done, or of nothing, there is none', async () => {
    const { operation } = await bootingInstance(db);
    expect(await db.provisioner.acquireLease(operation.id, 'late', 1000)).toBeNull();
    expect(await db.provisioner.acquireLease(newId('operation'), 'late', 1000)).toBeNull();
  });
});

describe('events', () => {
  it('have no gap and no double, whoever writes at the same time', async () => {
    const { ownerId, instance, operation, tokenHash } = await bootingInstance(db);
    const owner = db.owner(ownerId);
    const before = await owner.listEvents(instance.id, 0, 500);
    // The reports that come after the registration are refused, and must not leave a hole either.
    await Promise.allSettled([
      ...Array.from({ length: 30 }, (_, at) =>
        db.machine.reportPhase(tokenHash, {
          instanceId: instance.id,
          phase: 'installing',
          status: 'started',
          message: `step ${at}`,
        }),
      ),
      db.machine.register(tokenHash, registrationOf(instance.id)),
    ]);
    const events = await owner.listEvents(instance.id, 0, 500);
    expect(events.length).toBeGreaterThan(before.length + 1);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1));
    expect(events[0]).toMatchObject({ operationId: operation.id });
    expect(await owner.listEvents(instance.id, 3, 2)).toEqual(events.slice(3, 5));
  });

  it('return their seq to the worker that writes them', async () => {
    const { operation } = await askedDeploy(db);
    const { epoch } = await take(operation.id);
    const seqs = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        db.provisioner.appendEvent(operation.id, epoch, 'log', { line: `${at}` }),
      ),
    );
    expect(seqs.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at + 2));
  });
});

describe('a finished operation', () => {
  it('says so in the instance, its events and the audit log, and takes the answer twice', async () => {
    const { ownerId, instance, operation } = await askedDeploy(db);
    const { epoch } = await take(operation.id);
    await db.provisioner.setState(operation.id, epoch, 'preflight');
    const result = { state: 'failed', failure, receipt: null, instanceState: 'failed' } as const;
    await db.provisioner.finishOperation(operation.id, epoch, result);
    await db.provisioner.finishOperation(operation.id, epoch, result);
    const owner = db.owner(ownerId);
    expect(await owner.getInstance(instance.id)).toMatchObject({ state: 'failed', failure });
    expect(await owner.getOperation(operation.id)).toMatchObject({
      state: 'failed',
      failure,
      endedAt: expect.any(String),
    });
    const events = await owner.listEvents(instance.id, 0, 100);
    expect(events.map(({ kind, data }) => (kind === 'state' ? data.state : kind))).toEqual([
      'queued',
      'preflight',
      'failed',
      'failure',
    ]);
    expect(await owner.listAudit(1)).toMatchObject([
      { actor: 'provisioner', action: 'instance.deploy', outcome: 'failed', detail: { code: failure.code } },
    ]);
    await expect(db.provisioner.appendEvent(operation.id, epoch, 'log', {})).rejects.toMatchObject({
      code: 'lease_lost',
    });
  });

  it('keeps the price the cloud named', async () => {
    const { ownerId, instance, operation } = await askedDeploy(db);
    const { epoch } = await take(operation.id);
    await db.provisioner.setState(operation.id, epoch, 'creating');
    const result = { ...succeeded, instanceState: 'booting', monthlyPrice: 5.25, currency: 'USD' } as const;
    await db.provisioner.finishOperation(operation.id, epoch, result);
    const found = await db.owner(ownerId).getInstance(instance.id);
    expect(found).toMatchObject({ monthlyPrice: 5.25, currency: 'USD', state: 'booting' });
  });

  it('that destroyed everything leaves no secret of the instance', async () => {
    const { ownerId, instance, operation } = await askedDeploy(db);
    const { epoch } = await take(operation.id);
    await db.provisioner.storeStackSecret(operation.id, epoch, sampleEnvelope(ownerId, instance.id, 'stack'));
    const result = { state: 'failed', failure, receipt: null, instanceState: 'failed' } as const;
    await db.provisioner.finishOperation(operation.id, epoch, result);
    const all = async () => (await db.provisioner.listEnvelopes(null, 500)).map(({ id }) => id);
    expect(await all()).toContain(instance.id);
    await destroyed(db, ownerId, instance.id);
    expect(await all()).not.toContain(instance.id);
  });

  it('of a destroy that failed can be tried again', async () => {
    const { ownerId, instance } = await readyInstance(db);
    const first = await db.owner(ownerId).destroyInstance(instance.id, newId('operation'));
    const { epoch } = await take(first.id);
    const result = { state: 'failed', failure, receipt: null, instanceState: 'failed' } as const;
    await db.provisioner.finishOperation(first.id, epoch, result);
    const { operation } = await destroyed(db, ownerId, instance.id);
    expect(operation.id).not.toBe(first.id);
  });
});

describe('states', () => {
  it('never go back, and never jump where the order forbids it', async () => {
    const { ownerId, instance, operation } = await askedDeploy(db);
    const { epoch } = await take(operation.id);
    for (const state of ['creating', 'preflight', 'queued', 'creating'] as const)
      await db.provisioner.setState(operation.id, epoch, state);
    expect(await db.owner(ownerId).getInstance(instance.id)).toMatchObject({ state: 'creating' });
    await expect(db.provisioner.setState(operation.id, epoch, 'destroyed')).rejects.toMatchObject({
      code: 'conflict',
    });
    // Refused as a whole: no event of it either.
    const events = await db.owner(ownerId).listEvents(instance.id, 0, 100);
    expect(events.at(-1)).toMatchObject({ data: { state: 'creating' } });
  });

  it('of a boot that takes too long end in boot_timeout, unless somebody is at work on it', async () => {
    const slow = await bootingInstance(db);
    const ready = await readyInstance(db);
    const busy = await askedDeploy(db);
    const { epoch } = await take(busy.operation.id);
    await db.provisioner.setState(busy.operation.id, epoch, 'creating');
    await db.provisioner.setState(busy.operation.id, epoch, 'booting');
    expect(await db.provisioner.expireBoots(600_000)).not.toContain(slow.instance.id);
    const expired = await db.provisioner.expireBoots(0);
    expect(expired).toContain(slow.instance.id);
    expect(expired).not.toContain(ready.instance.id);
    expect(expired).not.toContain(busy.instance.id);
    expect(await db.owner(slow.ownerId).getInstance(slow.instance.id)).toMatchObject({
      state: 'failed',
      failure: { code: 'boot_timeout', resourceMayExist: true },
    });
    expect(await db.provisioner.expireBoots(0)).not.toContain(slow.instance.id);
  });
});

describe('secrets', () => {
  it('of a stack are stored once: a second passphrase would lock its state away', async () => {
    const { operation, instance } = await askedDeploy(db);
    const { epoch } = await take(operation.id);
    const first = sampleEnvelope('o', instance.id, 'stack');
    await db.provisioner.storeStackSecret(operation.id, epoch, first);
    await db.provisioner.storeStackSecret(operation.id, epoch, first);
    await expect(
      db.provisioner.storeStackSecret(operation.id, epoch, sampleEnvelope('o', instance.id, 'stack')),
    ).rejects.toMatchObject({ code: 'conflict' });
  });

  it('sealed for the enrolment are erased when they were used', async () => {
    const { operation } = await askedDeploy(db);
    const { epoch } = await take(operation.id);
    await db.provisioner.eraseEnrolment(operation.id, epoch);
    await db.provisioner.releaseLease(operation.id, epoch);
    expect(await take(operation.id)).toMatchObject({ enrolment: null });
  });

  it('are listed page by page and re-wrapped once', async () => {
    const ownerId = newOwnerId();
    const ids = [];
    for (let at = 0; at < 3; at++) ids.push((await readyCredential(db, ownerId)).id);
    const listed = [];
    for (let after: string | null = null; ; after = listed.at(-1)?.id ?? null) {
      const page = await db.provisioner.listEnvelopes(after, 2);
      listed.push(...page);
      if (page.length < 2) break;
    }
    expect(listed.map(({ id }) => id)).toEqual([...new Set(listed.map(({ id }) => id))].sort());
    for (const id of ids) expect(listed.map((one) => one.id)).toContain(id);
    const [id] = ids as [string];
    const renewed = sampleEnvelope(ownerId, id, 'secret', 2);
    expect(await db.provisioner.replaceEnvelope(id, 1, renewed)).toBe(true);
    expect(await db.provisioner.replaceEnvelope(id, 1, renewed)).toBe(false);
    expect(await db.owner(ownerId).getCredential(id)).toMatchObject({ keyVersion: 2 });
    expect(await db.provisioner.credentialEnvelope(id)).toMatchObject({ envelope: renewed });
  });
});

describe('verification', () => {
  it('is pending until it is finished, and finished once', async () => {
    const ownerId = newOwnerId();
    const input = credentialInput();
    await db.owner(ownerId).addCredential(input);
    expect((await db.provisioner.pendingWork()).credentials).toContain(input.id);
    expect(await db.provisioner.credentialForVerification(input.id)).toEqual({
      id: input.id,
      ownerId,
      externalId: expect.stringMatching(/^claw-[0-9a-f]{32}$/),
      provider: 'sandbox',
      sealed: input.sealed,
    });
    const rejected = {
      state: 'rejected',
      account: null,
      missing: [],
      failure,
      envelope: null,
      catalogue: null,
    } as const;
    await db.provisioner.finishVerification(input.id, { ...rejected, missing: [] });
    expect((await db.provisioner.pendingWork()).credentials).not.toContain(input.id);
    const ready = {
      ...rejected,
      missing: [],
      state: 'ready',
      envelope: sampleEnvelope(ownerId, input.id),
    } as const;
    await db.provisioner.finishVerification(input.id, { ...ready, missing: [] });
    expect(await db.owner(ownerId).getCredential(input.id)).toMatchObject({ state: 'rejected' });
  });

  it('erases what the browser sealed', async () => {
    const sql = postgres(test.postgresUrl('claw'), { max: 1 });
    const { id } = await readyCredential(db, newOwnerId());
    const rows =
      await sql`select sealed, envelope is not null as opened from credential_secrets where credential_id = ${id}`;
    await sql.end();
    expect(rows).toEqual([{ sealed: null, opened: true }]);
  });

  it('can’t end ready without an envelope', async () => {
    const input = credentialInput();
    await db.owner(newOwnerId()).addCredential(input);
    await expect(
      db.provisioner.finishVerification(input.id, {
        state: 'ready',
        account: null,
        missing: [],
        failure: null,
        envelope: null,
        catalogue: null,
      }),
    ).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await db.provisioner.credentialForVerification(input.id)).not.toBeNull();
  });

  it('leaves a catalogue that grows old and is replaced', async () => {
    const ownerId = newOwnerId();
    const { id } = await readyCredential(db, ownerId);
    expect(await db.provisioner.staleCatalogues(600_000)).not.toContain(id);
    expect(await db.provisioner.staleCatalogues(0)).toContain(id);
    await db.provisioner.storeCatalogue(id, { ...sampleCatalogue, currency: 'USD' });
    expect(await db.owner(ownerId).getCatalogue(id)).toMatchObject({ currency: 'USD' });
  });
});

it('tells the newest intake key', async () => {
  const first = { kid: 'kid-1', publicKey: key43() };
  const second = { kid: 'kid-2', publicKey: key43() };
  await db.provisioner.publishIntakeKey(first);
  await db.provisioner.publishIntakeKey(second);
  expect(await db.provisioner.intakeKey()).toEqual(second);
  await db.provisioner.publishIntakeKey(first);
  expect(await db.provisioner.intakeKey()).toEqual(first);
});

it('appends what the worker did to the owner’s audit log', async () => {
  const ownerId = newOwnerId();
  const event = {
    ownerId,
    actor: 'provisioner',
    action: 'credential.use',
    target: newId('credential'),
    outcome: 'succeeded',
    detail: { purpose: 'deploy' },
  } as const;
  await db.provisioner.appendAudit(event);
  const [found] = await db.owner(ownerId).listAudit(5);
  const { ownerId: _, ...shown } = event;
  expect(found).toMatchObject(shown);
  expect(found?.id).toMatch(/^evt_[0-9a-z]{24}$/);
});
