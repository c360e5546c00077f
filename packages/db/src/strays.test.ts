import { newId } from '@claw-cloud/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  destroyed,
  foundServer,
  newOwnerId,
  readyCredential,
  readyInstance,
  startTestDatabase,
  strayOf,
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

/** An owner whose instance was destroyed, and what a sweep finds of it all the same. */
async function leftover() {
  const { ownerId, instance } = await readyInstance(db);
  await destroyed(db, ownerId, instance.id);
  const found = foundServer(instance.id);
  await db.provisioner.recordTagged(instance.credentialId, [found]);
  const [stray] = await db.owner(ownerId).listStrays();
  if (!stray) throw new Error('no stray');
  return { ownerId, owner: db.owner(ownerId), instance, found, stray };
}

describe('a sweep', () => {
  it('shows what no living instance owns, and binds what an exact record names', async () => {
    const { ownerId, instance } = await readyInstance(db);
    const owner = db.owner(ownerId);
    const gone = await readyInstance(db, ownerId);
    await destroyed(db, ownerId, gone.instance.id);
    const [living, bound, unknown] = [foundServer(instance.id), foundServer(gone.instance.id), foundServer()];
    await db.provisioner.recordTagged(instance.credentialId, [living, bound, unknown]);
    const strays = await owner.listStrays();
    expect(strays.map(({ resourceId }) => resourceId).sort()).toEqual([bound.id, unknown.id].sort());
    // The same account through another credential: each of the two was named by the cloud in the same words.
    expect(strays.find(({ resourceId }) => resourceId === bound.id)).toMatchObject({
      deletable: true,
      instanceId: gone.instance.id,
    });
    expect(strays.find(({ resourceId }) => resourceId === unknown.id)).toMatchObject({
      deletable: false,
      instanceId: null,
    });
    // What is not found any more is not shown any more; a second look at the rest makes no second row.
    await db.provisioner.recordTagged(instance.credentialId, [bound, bound]);
    expect((await owner.listStrays()).map(({ resourceId }) => resourceId)).toEqual([bound.id]);
  });

  it('binds nothing to an instance of somebody else', async () => {
    const other = await leftover();
    const ownerId = newOwnerId();
    const { id } = await readyCredential(db, ownerId);
    await db.provisioner.recordTagged(id, [foundServer(other.instance.id)]);
    expect(await db.owner(ownerId).listStrays()).toMatchObject([{ deletable: false, instanceId: null }]);
  });

  it('is due per credential, and given to one', async () => {
    const { id } = await readyCredential(db, newOwnerId());
    expect(await db.provisioner.claimSweeps(3_600_000, 20)).not.toContain(id);
    const claimed = async () => (await db.provisioner.claimSweeps(0, 20)).includes(id);
    await expect.poll(claimed, { timeout: 10_000 }).toBe(true);
    expect(await db.provisioner.claimSweeps(60_000, 20)).not.toContain(id);
  });

  it('forgets what it found with a credential that is removed', async () => {
    const ownerId = newOwnerId();
    const { id } = await readyCredential(db, ownerId);
    await strayOf(db, ownerId, id);
    await db.owner(ownerId).removeCredential(id);
    expect(await db.owner(ownerId).listStrays()).toEqual([]);
  });
});

describe('the deletion of a stray', () => {
  it('is asked for, claimed by one worker, and ends with the row gone', async () => {
    const { owner, stray, found } = await leftover();
    const asked = await owner.deleteStray(stray.id);
    expect(asked.deleteAskedAt).not.toBeNull();
    expect(await owner.deleteStray(stray.id)).toEqual(asked);
    expect((await db.provisioner.pendingWork()).strays).toContain(stray.id);
    expect(await db.provisioner.claimStray(stray.id, 60_000)).toMatchObject({
      resourceId: found.id,
      tag: found.tag,
      region: 'here',
    });
    expect(await db.provisioner.claimStray(stray.id, 60_000)).toBeNull();
    expect((await db.provisioner.pendingWork()).strays).not.toContain(stray.id);
    await db.provisioner.finishStray(stray.id, null);
    expect(await owner.listStrays()).toEqual([]);
    const audit = await owner.listAudit(5);
    expect(audit.filter(({ action }) => action === 'stray.delete').map(({ outcome }) => outcome)).toEqual([
      'succeeded',
      'allowed',
    ]);
  });

  it('that fails says why and can be asked for again', async () => {
    const { owner, stray } = await leftover();
    await owner.deleteStray(stray.id);
    await db.provisioner.claimStray(stray.id, 60_000);
    const failure = {
      code: 'resource_locked',
      retryable: true,
      resourceMayExist: true,
      message: 'It is locked.',
      fix: 'Try again.',
    } as const;
    await db.provisioner.finishStray(stray.id, failure);
    expect(await owner.listStrays()).toMatchObject([{ failure, deleteAskedAt: null }]);
    await owner.deleteStray(stray.id);
    expect(await db.provisioner.claimStray(stray.id, 60_000)).not.toBeNull();
  });

  it('is refused where no record binds it', async () => {
    const ownerId = newOwnerId();
    const { id } = await readyCredential(db, ownerId);
    const stray = await strayOf(db, ownerId, id);
    await expect(db.owner(ownerId).deleteStray(stray.id)).rejects.toMatchObject({ code: 'conflict' });
    await expect(db.owner(ownerId).deleteStray(`str_${newId('grant').slice(4)}`)).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(await db.provisioner.claimStray(stray.id, 60_000)).toBeNull();
  });

  it('survives the removal of the credential that made it, as long as another one sees the account', async () => {
    const { ownerId, owner, instance, found } = await leftover();
    const other = await readyCredential(db, ownerId);
    await owner.removeCredential(instance.credentialId);
    await db.provisioner.recordTagged(other.id, [found]);
    const [stray] = await owner.listStrays();
    expect(stray).toMatchObject({ deletable: true, credentialId: other.id });
    await owner.deleteStray(stray?.id ?? '');
    expect(await db.provisioner.claimStray(stray?.id ?? '', 60_000)).toMatchObject({
      credentialId: other.id,
    });
  });
});
