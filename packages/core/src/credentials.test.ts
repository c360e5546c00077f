import { newId } from '@claw-cloud/contracts';
import { askedDeploy, credentialInput, readyCredential, sampleCatalogue } from '@claw-cloud/db/testing';
import { describe, expect, it, vi } from 'vitest';
import {
  addCredential,
  getCatalogue,
  getCredential,
  getIntakeKey,
  listAuditEvents,
  listCredentials,
  removeCredential,
} from './index.ts';
import { stage } from './verbs.fixture.ts';

const on = stage();

describe('addCredential', () => {
  it('stores it, audits it and asks for its check, each once', async () => {
    const context = on.owner();
    const input = credentialInput();
    const { credential, created } = await addCredential(context, input);
    expect({ created, id: credential.id, state: credential.state }).toEqual({
      created: true,
      id: input.id,
      state: 'verifying',
    });
    expect(context.jobs).toEqual([
      { name: 'credential.verify', data: { credentialId: input.id }, jobId: `verify_${input.id}` },
    ]);
    expect((await addCredential(context, input)).created).toBe(false);
    expect(await listAuditEvents(context)).toMatchObject([
      { action: 'credential.add', target: input.id, outcome: 'succeeded', detail: { requestId: 'req-test' } },
    ]);
  });

  it('names every field that is wrong', async () => {
    const input = { ...credentialInput(), id: 'crd_x', name: '' };
    await expect(addCredential(on.owner(), input)).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'The field “id” must look like crd_ and 24 letters or digits.',
      options: { issues: [{ path: 'id' }, { path: 'name', message: 'must not be empty' }, { path: 'name' }] },
    });
    await expect(addCredential(on.owner(), null)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('refuses a box for an old key, and a cloud that is not offered; both are audited', async () => {
    const context = on.owner({ providers: ['sandbox'] });
    const old = credentialInput({ sealed: { kid: 'kid-0', box: 'AAAA' } });
    await expect(addCredential(context, old)).rejects.toMatchObject({ code: 'intake_key_unknown' });
    const aws = credentialInput({ provider: 'aws' });
    await expect(addCredential(context, aws)).rejects.toMatchObject({ code: 'provider_unavailable' });
    expect(await listCredentials(context)).toEqual([]);
    expect(context.jobs).toEqual([]);
    expect((await listAuditEvents(context)).map(({ outcome, detail }) => [outcome, detail.code])).toEqual([
      ['denied', 'provider_unavailable'],
      ['denied', 'intake_key_unknown'],
    ]);
  });

  it('succeeds when the queue is away: the sweep finds the work in the database', async () => {
    const warn = vi.fn();
    const context = on.owner({
      warn,
      enqueue: async () => {
        throw new Error('away');
      },
    });
    const { credential } = await addCredential(context, credentialInput());
    expect(warn).toHaveBeenCalledTimes(1);
    expect((await on.db.provisioner.pendingWork()).credentials).toContain(credential.id);
  });
});

describe('the other verbs of a credential', () => {
  it('read it, its catalogue and the intake key', async () => {
    const context = on.owner();
    const { id } = await readyCredential(on.db, context.actor.ownerId);
    expect(await getCredential(context, { credentialId: id })).toMatchObject({ id, state: 'ready' });
    expect(await getCatalogue(context, { credentialId: id })).toEqual(sampleCatalogue);
    expect(await listCredentials(context)).toHaveLength(1);
    expect(await getIntakeKey(context)).toEqual({ kid: 'kid-1', publicKey: 'A'.repeat(43) });
  });

  it('remove it, unless an instance needs it', async () => {
    const context = on.owner();
    const { instance } = await askedDeploy(on.db, context.actor.ownerId);
    await expect(removeCredential(context, { credentialId: instance.credentialId })).rejects.toMatchObject({
      code: 'credential_in_use',
    });
    const { id } = await readyCredential(on.db, context.actor.ownerId);
    await removeCredential(context, { credentialId: id });
    await expect(getCredential(context, { credentialId: id })).rejects.toMatchObject({ code: 'not_found' });
    const [removed, denied] = (await listAuditEvents(context)).filter(
      ({ action }) => action === 'credential.remove',
    );
    expect([removed?.outcome, denied?.outcome]).toEqual(['succeeded', 'denied']);
  });

  it('find nothing under another owner’s id, and nothing under nonsense', async () => {
    const { id } = await readyCredential(on.db, on.owner().actor.ownerId);
    for (const verb of [getCredential, getCatalogue, removeCredential]) {
      await expect(verb(on.owner(), { credentialId: id })).rejects.toMatchObject({ code: 'not_found' });
      await expect(verb(on.owner(), { credentialId: newId('instance') })).rejects.toMatchObject({
        code: 'invalid_request',
      });
    }
  });
});
