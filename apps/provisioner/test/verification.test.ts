import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRig, type Rig, until } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await createRig();
  await rig.startProvisioner();
});
afterAll(() => rig?.close());

/** Everything the product's tables hold, as text. */
async function dump(): Promise<string> {
  const { default: postgres } = await import('postgres');
  const sql = postgres(rig.database.postgresUrl('claw'), { max: 1 });
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('public', 'private')`;
  let text = '';
  for (const { name } of tables) text += JSON.stringify(await sql.unsafe(`select * from ${name}`));
  await sql.end();
  return text;
}

describe('a credential', { timeout: 180_000 }, () => {
  test('that works becomes ready, with its catalogue, and is kept only encrypted', async () => {
    const token = rig.newToken();
    const id = await rig.addCredential(token);
    expect(await rig.checked(id)).toMatchObject({
      state: 'ready',
      account: { label: 'Sandbox cloud project' },
      missing: [],
      failure: null,
      keyVersion: 1,
    });
    expect((await rig.owner.getCatalogue(id)).sizes.length).toBeGreaterThan(5);
    const stored = await rig.db.provisioner.credentialEnvelope(id);
    expect(stored?.envelope).toMatchObject({ kek: 1, owner: rig.ownerId, record: id, field: 'credential' });
    expect(await rig.db.provisioner.credentialForVerification(id)).toBe(null);
    const everything = `${await dump()}${rig.log.join('\n')}`;
    for (const form of [
      token,
      Buffer.from(token).toString('base64').slice(0, 80),
      Buffer.from(token).toString('hex'),
    ])
      expect(everything).not.toContain(form);
  });

  test('whose use is in the audit log of its owner', async () => {
    const id = await rig.addCredential(rig.newToken());
    await rig.checked(id);
    const rows = await rig.owner.listAudit(50);
    expect(rows).toContainEqual(
      expect.objectContaining({
        action: 'credential.use',
        actor: 'provisioner',
        target: id,
        detail: expect.objectContaining({ purpose: 'verify' }),
      }),
    );
  });

  test('that the cloud does not know is rejected and erased', async () => {
    const id = await rig.addCredential('w'.repeat(64));
    expect(await rig.checked(id)).toMatchObject({
      state: 'rejected',
      failure: { code: 'credential_rejected', resourceMayExist: false },
    });
    expect(await rig.db.provisioner.credentialForVerification(id)).toBe(null);
    expect(await rig.db.provisioner.credentialEnvelope(id)).toBe(null);
  });

  test('that may only read is rejected by the name of what it lacks', async () => {
    const id = await rig.addCredential(rig.newToken('read'));
    expect(await rig.checked(id)).toMatchObject({
      state: 'rejected',
      missing: [{ permission: 'Read & Write' }],
      failure: { code: 'credential_powerless' },
    });
  });

  test('that was sealed for another owner is rejected, unused', async () => {
    const before = rig.cloud.requestCount();
    const id = await rig.addCredential(rig.newToken(), 'sandbox', { ownerId: 'somebody-else' });
    expect(await rig.checked(id)).toMatchObject({
      state: 'rejected',
      failure: { code: 'credential_context_mismatch' },
    });
    expect(rig.cloud.requestCount()).toBe(before);
  });

  test('whose cloud is down for a moment is checked later', async () => {
    rig.cloud.faults.add({ kind: 'maintenance', match: { method: 'GET', path: '/servers' }, times: 4 });
    const id = await rig.addCredential(rig.newToken());
    await until('the first try fails', () =>
      rig.log.some((line) => line.includes('credential not checked') && line.includes(id)) ? true : null,
    );
    expect(await rig.checked(id)).toMatchObject({ state: 'ready' });
  });
});
