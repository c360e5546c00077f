import type { Cloud } from '@claw-cloud/contracts';
import { readyCredential, sampleCatalogue } from '@claw-cloud/db/testing';
import { describe, expect, it } from 'vitest';
import { ensureOwner, listClouds, refreshCatalogue } from './index.ts';
import { stage } from './verbs.fixture.ts';

const on = stage();

const cloud: Cloud = {
  id: 'somewhere',
  name: 'Somewhere',
  sandbox: false,
  methods: [
    {
      id: 'role',
      label: 'Role',
      about: null,
      steps: ['Allow {egressAddresses}.', 'Trust account {awsAccount} with the external id {externalId}.'],
      limiting: ['Leave {this} as it is.'],
      deleting: [],
      fields: [
        {
          name: 'role',
          label: 'Role',
          placeholder: '',
          secret: false,
          pattern: '^x{3}{externalId}$',
          hint: '',
        },
      ],
      links: [{ label: 'Make it', href: 'https://cloud.example/new?id={externalId}' }],
      policy: { title: 'Trust', fileName: 'trust.json', text: '{"sts:ExternalId": "{externalId}"}' },
    },
  ],
  billing: { stopped: 'full', stoppedNote: '', resizeNote: '' },
};
const listed = async (egressAddresses: readonly string[]) => {
  const context = on.owner();
  await ensureOwner(context);
  const list = await listClouds(context, {
    clouds: [cloud],
    egressAddresses,
    facts: { awsAccount: '123456789012' },
  });
  const [method] = list.clouds[0]?.methods ?? [];
  if (!method) throw new Error('no method');
  return { ...list, method };
};

describe('listClouds', () => {
  it('fills in the owner’s own external id, the same each time and nobody else’s', async () => {
    const { externalId, method } = await listed(['192.0.2.1']);
    expect(externalId).toMatch(/^claw-[0-9a-f]{32}$/);
    expect(method.steps[1]).toBe(`Trust account 123456789012 with the external id ${externalId}.`);
    expect(method.links[0]?.href).toBe(`https://cloud.example/new?id=${externalId}`);
    expect(JSON.parse(method.policy?.text ?? '')).toEqual({ 'sts:ExternalId': externalId });
    expect((await listed([])).externalId).not.toBe(externalId);
  });

  it('leaves patterns, and names that nobody knows, as they are', async () => {
    const { method } = await listed([]);
    expect(method.fields[0]?.pattern).toBe('^x{3}{externalId}$');
    expect(method.limiting).toEqual(['Leave {this} as it is.']);
    // The descriptor itself is everybody’s and stays what it was.
    expect(cloud.methods[0]?.links[0]?.href).toContain('{externalId}');
  });

  it('offers no way that nobody could follow here, unless there is no other', async () => {
    const context = on.owner();
    await ensureOwner(context);
    const [role] = cloud.methods;
    if (!role) throw new Error('no method');
    const two = { ...cloud, methods: [role, { ...role, id: 'keys', steps: ['Make a key.'], policy: null }] };
    const list = await listClouds(context, { clouds: [two, cloud], egressAddresses: [] });
    expect(list.clouds.map(({ methods }) => methods.map(({ id }) => id))).toEqual([['keys'], ['role']]);
  });

  it.each([
    [['192.0.2.1'], 'Allow 192.0.2.1.'],
    [['192.0.2.1', '192.0.2.2'], 'Allow 192.0.2.1 and 192.0.2.2.'],
    [['192.0.2.1', '192.0.2.2', '2001:db8::1'], 'Allow 192.0.2.1, 192.0.2.2 and 2001:db8::1.'],
    [[], 'Allow the addresses that this installation calls from (its operator knows them).'],
  ])('names the addresses %j in a sentence', async (addresses, sentence) => {
    expect((await listed(addresses)).method.steps[0]).toBe(sentence);
  });
});

describe('refreshCatalogue', () => {
  const at = (fetchedAt: string) => ({ ...sampleCatalogue, fetchedAt });

  it('asks once for one that is a minute old, and answers with what is there', async () => {
    const context = on.owner();
    const { id } = await readyCredential(on.db, context.actor.ownerId);
    await on.db.provisioner.storeCatalogue(id, at('2025-12-31T23:59:00.000Z'));
    expect(await refreshCatalogue(context, { credentialId: id })).toMatchObject({
      asked: true,
      catalogue: { fetchedAt: '2025-12-31T23:59:00.000Z' },
    });
    await refreshCatalogue(context, { credentialId: id });
    // The queue keeps one job for one id.
    expect(new Set(context.jobs.map(({ name, jobId }) => `${name} ${jobId}`))).toEqual(
      new Set([`catalogue.refresh refresh_${id}`]),
    );
  });

  it('asks for none that is newer', async () => {
    const context = on.owner();
    const { id } = await readyCredential(on.db, context.actor.ownerId);
    await on.db.provisioner.storeCatalogue(id, at('2025-12-31T23:59:01.000Z'));
    expect((await refreshCatalogue(context, { credentialId: id })).asked).toBe(false);
    expect(context.jobs).toEqual([]);
  });

  it('asks for nobody else’s', async () => {
    const { id } = await readyCredential(on.db, on.owner().actor.ownerId);
    const stranger = on.owner();
    await expect(refreshCatalogue(stranger, { credentialId: id })).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(stranger.jobs).toEqual([]);
  });
});
