import { newId } from '@claw-cloud/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  askedDeploy,
  bootingInstance,
  credentialInput,
  deployInput,
  destroyed,
  inOneHour,
  key43,
  newOwnerId,
  readyCredential,
  readyInstance,
  registrationOf,
  sampleCatalogue,
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

describe('a credential', () => {
  it('is added once, however often the same request comes', async () => {
    const owner = db.owner(newOwnerId());
    const input = credentialInput();
    const first = await owner.addCredential(input);
    expect(first).toMatchObject({
      created: true,
      credential: { id: input.id, state: 'verifying', keyVersion: null },
    });
    expect(await owner.addCredential(input)).toEqual({ created: false, credential: first.credential });
    expect(await owner.listCredentials()).toEqual([first.credential]);
  });

  it('keeps its id to its owner and its content', async () => {
    const input = credentialInput();
    const owner = db.owner(newOwnerId());
    await owner.addCredential(input);
    await expect(owner.addCredential({ ...input, name: 'Other' })).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(db.owner(newOwnerId()).addCredential(input)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('becomes ready with a catalogue, and its sealed blob is erased', async () => {
    const ownerId = newOwnerId();
    const { credential } = await db.owner(ownerId).addCredential(credentialInput());
    await expect(db.owner(ownerId).getCatalogue(credential.id)).rejects.toMatchObject({
      code: 'credential_not_ready',
    });
    const ready = await readyCredential(db, ownerId);
    expect(ready).toMatchObject({ state: 'ready', keyVersion: 1, account: { label: 'Sandbox project' } });
    expect(await db.owner(ownerId).getCatalogue(ready.id)).toEqual(sampleCatalogue);
    expect(await db.provisioner.credentialForVerification(ready.id)).toBeNull();
    expect(await db.provisioner.credentialEnvelope(ready.id)).toMatchObject({
      ownerId,
      envelope: { record: ready.id },
    });
  });

  it('can’t be removed while an instance needs it, and says which', async () => {
    const { ownerId, instance } = await bootingInstance(db);
    const owner = db.owner(ownerId);
    await expect(owner.removeCredential(instance.credentialId)).rejects.toMatchObject({
      code: 'credential_in_use',
      message: expect.stringContaining('My claw'),
    });
    await destroyed(db, ownerId, instance.id);
    await owner.removeCredential(instance.credentialId);
    await expect(owner.getCredential(instance.credentialId)).rejects.toMatchObject({ code: 'not_found' });
    expect(await db.provisioner.credentialEnvelope(instance.credentialId)).toBeNull();
    // The instance's past is still told.
    expect(await owner.getInstance(instance.id)).toMatchObject({ state: 'destroyed' });
  });

  it('that the cloud refused deploys nothing', async () => {
    const ownerId = newOwnerId();
    const { credential } = await db.owner(ownerId).addCredential(credentialInput());
    const deploy = () => db.owner(ownerId).deployInstance(deployInput(credential.id), newId('operation'));
    await expect(deploy()).rejects.toMatchObject({ code: 'credential_not_ready' });
    const failure = {
      code: 'credential_rejected' as const,
      retryable: false,
      resourceMayExist: false,
      message: 'no',
      fix: 'new one',
    };
    await db.provisioner.finishVerification(credential.id, {
      state: 'rejected',
      account: null,
      missing: [],
      failure,
      envelope: null,
      catalogue: null,
    });
    expect(await db.owner(ownerId).getCredential(credential.id)).toMatchObject({
      state: 'rejected',
      failure,
    });
    await expect(deploy()).rejects.toMatchObject({ code: 'credential_rejected' });
    await expect(db.owner(ownerId).getCatalogue(credential.id)).rejects.toMatchObject({
      code: 'credential_rejected',
    });
  });

  it('can’t be removed between the check and the commit of a deploy', async () => {
    for (let round = 0; round < 5; round++) {
      const ownerId = newOwnerId();
      const owner = db.owner(ownerId);
      const { id } = await readyCredential(db, ownerId);
      const [deploy, removal] = await Promise.allSettled([
        owner.deployInstance(deployInput(id), newId('operation')),
        owner.removeCredential(id),
      ]);
      expect([deploy.status, removal.status].sort()).toEqual(['fulfilled', 'rejected']);
    }
  });
});

describe('a deploy', () => {
  it('writes instance, operation, first event and audit row in one go', async () => {
    const ownerId = newOwnerId();
    const { id } = await readyCredential(db, ownerId);
    const operationId = newId('operation');
    const input = deployInput(id);
    const { instance, operation, created } = await db
      .owner(ownerId, 'req-7')
      .deployInstance(input, operationId);
    expect(created).toBe(true);
    expect(instance).toMatchObject({
      id: input.id,
      provider: 'sandbox',
      state: 'queued',
      monthlyPrice: 4.5,
      currency: 'EUR',
      operationId,
    });
    expect(operation).toMatchObject({ id: operationId, kind: 'deploy', state: 'queued', attempt: 0 });
    const owner = db.owner(ownerId);
    expect(await owner.getInstance(input.id)).toEqual(instance);
    expect(await owner.getOperation(operationId)).toEqual(operation);
    expect(await owner.listEvents(input.id, 0, 10)).toMatchObject([
      { seq: 1, kind: 'state', data: { state: 'queued' }, operationId },
    ]);
    expect(await owner.listAudit(1)).toMatchObject([
      { action: 'instance.deploy', target: input.id, outcome: 'allowed', detail: { requestId: 'req-7' } },
    ]);
    expect((await db.provisioner.pendingWork()).operations).toContainEqual({ id: operationId, epoch: 0 });
  });

  it('pressed twenty times at once is one instance and one operation', async () => {
    const ownerId = newOwnerId();
    const { id } = await readyCredential(db, ownerId);
    const input = deployInput(id);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => db.owner(ownerId).deployInstance(input, newId('operation'))),
    );
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(answers.map(({ operation }) => operation.id)).size).toBe(1);
    expect(await db.owner(ownerId).listInstances()).toHaveLength(1);
    const { operations } = await db.provisioner.pendingWork();
    expect(operations.filter((one) => one.id === answers[0]?.operation.id)).toHaveLength(1);
  });

  it('under an id that is taken is refused: other content, other owner', async () => {
    const { ownerId, instance } = await askedDeploy(db);
    const other = newOwnerId();
    const theirs = deployInput((await readyCredential(db, other)).id, { id: instance.id });
    await expect(db.owner(other).deployInstance(theirs, newId('operation'))).rejects.toMatchObject({
      code: 'conflict',
    });
    const mine = deployInput(instance.credentialId, { id: instance.id, size: 'far' });
    await expect(db.owner(ownerId).deployInstance(mine, newId('operation'))).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('with somebody else’s credential finds none', async () => {
    const { id } = await readyCredential(db, newOwnerId());
    await expect(
      db.owner(newOwnerId()).deployInstance(deployInput(id), newId('operation')),
    ).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a destroy', () => {
  it('waits for a deploy that somebody makes a server for', async () => {
    const { ownerId, instance, operation } = await askedDeploy(db);
    const { epoch } = (await db.provisioner.acquireLease(operation.id, 'test', 60_000)) as Lease;
    const destroy = () => db.owner(ownerId).destroyInstance(instance.id, newId('operation'));
    await expect(destroy()).rejects.toMatchObject({
      code: 'instance_busy',
      message: 'The instance “My claw” is being deployed.',
    });
    await db.provisioner.releaseLease(operation.id, epoch);
    expect(await destroy()).toMatchObject({ kind: 'destroy', state: 'queued' });
  });

  it('takes the place of a deploy that has not begun', async () => {
    const { ownerId, instance, operation } = await askedDeploy(db);
    const owner = db.owner(ownerId);
    expect(await owner.destroyInstance(instance.id, newId('operation'))).toMatchObject({ state: 'queued' });
    expect(await owner.getOperation(operation.id)).toMatchObject({ state: 'failed' });
    expect(await db.provisioner.acquireLease(operation.id, 'test', 60_000)).toBeNull();
  });

  it('takes the place of a deploy whose machine answers already', async () => {
    const { ownerId, instance, operation } = await askedDeploy(db);
    const { epoch } = (await db.provisioner.acquireLease(operation.id, 'test', 60_000)) as Lease;
    const tokenHash = key43();
    await db.provisioner.storeRegistration(operation.id, epoch, tokenHash, inOneHour());
    await db.machine.register(tokenHash, registrationOf(instance.id));
    await db.machine.markReady(instance.id, {
      agentVersion: '1.0.0',
      openclawVersion: '2.0.0',
      gateway: 'ready',
      uptimeSeconds: 1,
    });
    await db.owner(ownerId).destroyInstance(instance.id, newId('operation'));
    await expect(db.provisioner.renewLease(operation.id, epoch, 60_000)).rejects.toMatchObject({
      code: 'lease_lost',
    });
  });

  it('is one operation, however often it is asked for, and stays readable afterwards', async () => {
    const { ownerId, instance } = await readyInstance(db);
    const owner = db.owner(ownerId);
    const asked = await Promise.all(
      Array.from({ length: 10 }, () => owner.destroyInstance(instance.id, newId('operation'))),
    );
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
    expect(await owner.getInstance(instance.id)).toMatchObject({ state: 'destroying' });
    await expect(owner.getReceipt(instance.id)).rejects.toMatchObject({ code: 'not_found' });
    const { operation, receipt } = await destroyed(db, ownerId, instance.id);
    expect(await owner.getReceipt(instance.id)).toEqual(receipt);
    const again = await owner.destroyInstance(instance.id, newId('operation'));
    expect(again).toMatchObject({ id: operation.id, state: 'succeeded', receipt });
    expect(await owner.getInstance(instance.id)).toMatchObject({ state: 'destroyed', online: false });
  });

  it('shuts the door to the machine at once', async () => {
    const { ownerId, instance, tokenHash } = await bootingInstance(db);
    await db.owner(ownerId).destroyInstance(instance.id, newId('operation'));
    const report = { instanceId: instance.id, phase: 'installing', status: 'started', message: 'x' } as const;
    await expect(db.machine.reportPhase(tokenHash, report)).rejects.toMatchObject({
      code: 'registration_token_invalid',
    });
    const ready = await readyInstance(db);
    expect(await db.machine.identityKey(ready.instance.id)).toBe(ready.registration.identityPublicKey);
    await db.owner(ready.ownerId).destroyInstance(ready.instance.id, newId('operation'));
    expect(await db.machine.identityKey(ready.instance.id)).toBeNull();
    await expect(db.machine.attachTunnel(ready.instance.id, 'node')).rejects.toMatchObject({
      code: 'tunnel_key_unknown',
    });
  });
});

describe('lists', () => {
  it('show living instances before destroyed ones, newest first', async () => {
    const ownerId = newOwnerId();
    const gone = await bootingInstance(db, ownerId);
    const older = await askedDeploy(db, ownerId);
    const newer = await askedDeploy(db, ownerId);
    await destroyed(db, ownerId, gone.instance.id);
    const ids = (await db.owner(ownerId).listInstances()).map(({ id }) => id);
    expect(ids).toEqual([newer.instance.id, older.instance.id, gone.instance.id]);
  });

  it('page the audit log without gap or repetition', async () => {
    const { ownerId } = await readyInstance(db);
    const owner = db.owner(ownerId);
    const all = await owner.listAudit(200);
    expect(all.length).toBeGreaterThan(4);
    const paged = [];
    for (let before: string | undefined; ; before = paged.at(-1)?.id) {
      const page = await owner.listAudit(2, before);
      paged.push(...page);
      if (page.length < 2) break;
    }
    expect(paged).toEqual(all);
    await expect(db.owner(newOwnerId()).listAudit(5, all[0]?.id)).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('record a refusal with its reason', async () => {
    const owner = db.owner(newOwnerId(), 'req-9');
    await owner.recordDenied('instance.destroy', 'ins_x', { code: 'not_found' });
    expect(await owner.listAudit(1)).toMatchObject([
      { action: 'instance.destroy', outcome: 'denied', detail: { code: 'not_found', requestId: 'req-9' } },
    ]);
  });
});

it('keeps the e-mail address of an owner, and forgets none', async () => {
  const ownerId = newOwnerId();
  await db.owner(ownerId).ensureOwner('a@example.test');
  await db.owner(ownerId).ensureOwner(null);
  await db.owner(ownerId).ensureOwner('b@example.test');
  await db.owner(ownerId).ensureOwner('b@example.test');
});
