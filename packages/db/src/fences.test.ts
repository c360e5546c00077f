import { newId } from '@claw-cloud/contracts';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { SignJWT } from 'jose';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from './database.ts';
import {
  askedDeploy,
  credentialInput,
  deployInput,
  grantedInstance,
  newOwnerId,
  readyInstance,
  startTestDatabase,
  strayOf,
  type TestDatabase,
} from './testing/index.ts';

const readable = [
  'owners',
  'credentials',
  'catalogues',
  'instances',
  'operations',
  'instance_events',
  'audit_events',
  'support_grants',
  'strays',
];
const secret = [
  'credential_secrets',
  'instance_secrets',
  'registration_tokens',
  'intake_keys',
  'machine_reports',
  'openclaw_releases',
  'rollouts',
  'rollout_outcomes',
];

let test: TestDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  test = await startTestDatabase();
  sql = postgres(test.postgresUrl('claw'), { max: 2, onnotice: () => {} });
});
afterAll(async () => {
  await sql?.end();
  await test?.stop();
});

const tokenOf = (ownerId: string, key = test.jwtSecret): Promise<string> =>
  new SignJWT({ role: 'authenticated' })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(ownerId)
    .setIssuedAt()
    .setExpirationTime('60s')
    .sign(new TextEncoder().encode(key));

const clientOf = (ownerId: string, key?: string): SupabaseClient =>
  createClient(test.url, test.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false },
    accessToken: () => tokenOf(ownerId, key),
  });

describe('an owner’s token', () => {
  it('reads that owner’s rows in every table that has a policy', async () => {
    const { ownerId, instance } = await grantedInstance(test.db);
    await strayOf(test.db, ownerId, instance.credentialId);
    for (const table of readable) {
      const { data, error } = await clientOf(ownerId).from(table).select('*');
      expect(error, table).toBeNull();
      expect(data?.length, table).toBeGreaterThan(0);
    }
  });

  it('reads nothing of another owner, in any table', async () => {
    const { ownerId, instance } = await readyInstance(test.db);
    await strayOf(test.db, ownerId, instance.credentialId);
    const stranger = clientOf(newOwnerId());
    for (const table of [...readable, ...secret]) {
      const { data } = await stranger.from(table).select('*');
      expect(data ?? [], table).toEqual([]);
    }
  });

  it('reads no secret, not even its own', async () => {
    const { ownerId } = await askedDeploy(test.db);
    for (const table of secret) {
      const { data } = await clientOf(ownerId).from(table).select('*');
      expect(data ?? [], table).toEqual([]);
    }
    // They are there: the test looks at the right tables.
    for (const table of ['credential_secrets', 'instance_secrets'])
      expect((await sql`select count(*)::int as n from ${sql(table)}`)[0]?.n, table).toBeGreaterThan(0);
  });

  it('writes no row by itself', async () => {
    const { ownerId, instance } = await readyInstance(test.db);
    const client = clientOf(ownerId);
    for (const table of [...readable, ...secret]) {
      const changed = await client
        .from(table)
        .update({ owner_id: 'x' })
        .neq(table === 'owners' ? 'id' : 'owner_id', '')
        .select();
      expect(changed.data ?? [], table).toEqual([]);
    }
    await client.from('instances').update({ state: 'destroyed' }).eq('id', instance.id);
    await client.from('instances').delete().eq('id', instance.id);
    const inserted = await client.from('owners').insert({ id: 'intruder' });
    expect(inserted.error).not.toBeNull();
    expect(await test.db.owner(ownerId).getInstance(instance.id)).toMatchObject({ state: 'ready' });
  });

  it('can’t act for another owner', async () => {
    const { ownerId, instance } = await readyInstance(test.db);
    const { error, status } = await clientOf(newOwnerId()).rpc('owner_destroy', {
      p_owner: ownerId,
      p_instance: instance.id,
      p_operation: newId('operation'),
      p_request_id: null,
    });
    expect({ status, message: error?.message, code: error?.code }).toEqual({
      status: 403,
      message: 'forbidden',
      code: 'PT403',
    });
  });

  it('signed by another key, or by nobody, reads and does nothing', async () => {
    const { ownerId } = await askedDeploy(test.db);
    const forged = clientOf(ownerId, 'another key that has the same length as the true one');
    expect((await forged.from('instances').select('id')).data ?? []).toEqual([]);
    const nobody = createClient(test.url, test.publishableKey, { auth: { persistSession: false } });
    for (const table of [...readable, ...secret])
      expect((await nobody.from(table).select('*')).data ?? [], table).toEqual([]);
    expect((await nobody.rpc('owner_ensure', { p_owner: ownerId, p_email: null })).error).not.toBeNull();
  });
});

describe('the owner repository', () => {
  it('names the owner in every request it makes, whatever row-level security does', async () => {
    const { ownerId, instance, operation } = await readyInstance(test.db);
    const seen: { path: string; query: URLSearchParams; body: string }[] = [];
    const { url, secretKey, publishableKey, jwtSecret } = test;
    const watched = createDatabase({
      url,
      secretKey,
      publishableKey,
      jwtSecret,
      fetch: (input, init) => {
        const { pathname, searchParams } = new URL(input instanceof Request ? input.url : input);
        seen.push({ path: pathname, query: searchParams, body: String(init?.body ?? '') });
        return fetch(input, init);
      },
    });
    const owner = watched.owner(ownerId);
    const [event] = await owner.listAudit(1);
    await Promise.allSettled([
      owner.ensureOwner(null),
      owner.addCredential(credentialInput()),
      owner.listCredentials(),
      owner.getCredential(instance.credentialId),
      owner.removeCredential(instance.credentialId),
      owner.getCatalogue(instance.credentialId),
      owner.deployInstance(deployInput(instance.credentialId), newId('operation')),
      owner.destroyInstance(instance.id, newId('operation')),
      owner.externalId(),
      owner.powerInstance(instance.id, 'stop', newId('operation')),
      owner.resizeInstance(instance.id, { size: 'x', expectedMonthlyPrice: 1 }, newId('operation')),
      owner.checkInstance(instance.id, newId('operation')),
      owner.repairInstance(instance.id, newId('operation')),
      owner.replaceCredential(instance.id, instance.credentialId, newId('operation')),
      owner.listStrays(),
      owner.deleteStray('str_0123456789abcdef01234567'),
      owner.listInstances(),
      owner.getInstance(instance.id),
      owner.getOperation(operation.id),
      owner.listEvents(instance.id, 0, 10),
      owner.getReceipt(instance.id),
      owner.listSupportGrants(instance.id),
      owner.recordRestart(instance.id, null),
      owner.listAudit(10, event?.id),
      owner.recordDenied('x', 'y', {}),
    ]);
    expect(seen.length).toBeGreaterThan(15);
    for (const { path, query, body } of seen)
      if (path.includes('/rpc/')) expect(JSON.parse(body), path).toMatchObject({ p_owner: ownerId });
      else expect(query.get('owner_id'), path).toBe(`eq.${ownerId}`);
  });
});

describe('another owner’s ids', () => {
  it('are not found, whatever is asked', async () => {
    const { ownerId, instance, operation } = await readyInstance(test.db);
    const stranger = test.db.owner(newOwnerId());
    const stray = await strayOf(test.db, ownerId, instance.credentialId);
    const asked = {
      powerInstance: stranger.powerInstance(instance.id, 'stop', newId('operation')),
      resizeInstance: stranger.resizeInstance(
        instance.id,
        { size: 'x', expectedMonthlyPrice: 1 },
        newId('operation'),
      ),
      checkInstance: stranger.checkInstance(instance.id, newId('operation')),
      repairInstance: stranger.repairInstance(instance.id, newId('operation')),
      replaceCredential: stranger.replaceCredential(instance.id, instance.credentialId, newId('operation')),
      deleteStray: stranger.deleteStray(stray.id),
      getCredential: stranger.getCredential(instance.credentialId),
      removeCredential: stranger.removeCredential(instance.credentialId),
      getCatalogue: stranger.getCatalogue(instance.credentialId),
      getInstance: stranger.getInstance(instance.id),
      destroyInstance: stranger.destroyInstance(instance.id, newId('operation')),
      getOperation: stranger.getOperation(operation.id),
      listEvents: stranger.listEvents(instance.id, 0, 10),
      getReceipt: stranger.getReceipt(instance.id),
      listSupportGrants: stranger.listSupportGrants(instance.id),
      recordRestart: stranger.recordRestart(instance.id, null),
    };
    const answers = await Promise.allSettled(Object.values(asked));
    for (const [at, name] of Object.keys(asked).entries())
      expect(answers[at], name).toMatchObject({ status: 'rejected', reason: { code: 'not_found' } });
    expect(await stranger.listInstances()).toEqual([]);
    expect(await stranger.listCredentials()).toEqual([]);
    expect(await stranger.listAudit(10)).toEqual([]);
  });
});

describe('the schema', () => {
  const ownersMay = /^owner_/;

  it('lets each role execute what is meant for it, and nothing else', async () => {
    const functions = await sql<
      { name: string; anon: boolean; owner: boolean; service: boolean; settings: string }[]
    >`
      select p.proname as name, array_to_string(p.proconfig, ',') as settings,
        has_function_privilege('anon', p.oid, 'execute') as anon,
        has_function_privilege('authenticated', p.oid, 'execute') as owner,
        has_function_privilege('service_role', p.oid, 'execute') as service
      from pg_proc p where p.pronamespace = 'public'::regnamespace`;
    expect(functions.length).toBeGreaterThan(30);
    for (const { name, anon, owner, service, settings } of functions) {
      expect({ name, anon, owner, service }).toEqual({
        name,
        anon: false,
        owner: ownersMay.test(name),
        service: !ownersMay.test(name),
      });
      expect(settings, name).toContain('search_path=""');
    }
    const hidden = await sql`
      select p.proname from pg_proc p, (values ('anon'), ('authenticated'), ('service_role')) as r (name)
      where p.pronamespace = 'private'::regnamespace and has_function_privilege(r.name, p.oid, 'execute')`;
    expect(hidden).toEqual([]);
  });

  it('has row-level security on every table, and no policy on those that hold secrets', async () => {
    const tables = await sql<{ name: string; secured: boolean; policies: number }[]>`
      select c.relname as name, c.relrowsecurity as secured,
        (select count(*)::int from pg_policy where polrelid = c.oid) as policies
      from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' order by c.relname`;
    expect(tables.map(({ name }) => name)).toEqual([...readable, ...secret].sort());
    for (const { name, secured, policies } of tables)
      expect({ name, secured, policies }).toEqual({
        name,
        secured: true,
        policies: readable.includes(name) ? 1 : 0,
      });
  });

  it('has no column of bytes: the two data endpoints disagree on them', async () => {
    const columns = await sql`
      select table_name, column_name from information_schema.columns
      where table_schema = 'public' and data_type = 'bytea'`;
    expect(columns).toEqual([]);
  });

  it('keeps the neighbours’ roles out of the product’s tables', async () => {
    const { hostname, port, password } = new URL(test.postgresUrl('queue'));
    const address = `postgres://queue:${password}@${hostname}:${port}/claw`;
    const neighbour = postgres(address, { max: 1, onnotice: () => {} });
    await expect(neighbour`select 1`).rejects.toMatchObject({ code: '42501' });
    await neighbour.end();
  });
});
