import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engineProcesses } from '../src/operations/engine-processes.ts';
import { createRig, type Rig, until } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await createRig();
  await rig.startProvisioner();
});
afterAll(() => rig?.close());

/** How a secret may be written: as it is, as JSON, hex, percent-encoded, and inside base64 at each alignment. */
function forms(secret: string): string[] {
  const inBase64 = [0, 1, 2].map((shift) => {
    const text = Buffer.from('x'.repeat(shift) + secret).toString('base64');
    return text.slice(4, -4);
  });
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('hex'),
    encodeURIComponent(secret),
    ...inBase64,
    ...inBase64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
}

function expectNone(where: string, text: string, secrets: Record<string, string>): void {
  for (const [name, secret] of Object.entries(secrets))
    for (const form of forms(secret)) expect(text.includes(form), `${name} in ${where}`).toBe(false);
}

function files(dir: string): string {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      try {
        return readFileSync(join(entry.parentPath, entry.name), 'latin1');
      } catch {
        return '';
      }
    })
    .join('\n');
}

async function dump(name: 'claw' | 'pulumi' | 'queue'): Promise<string> {
  const admin = new URL(rig.database.postgresUrl('claw'));
  admin.pathname = `/${name}`;
  const sql = postgres(admin.toString(), { max: 1 });
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')`;
  let text = '';
  for (const table of tables)
    text += (await sql.unsafe(`select t::text as row from ${table.name} t`)).map((r) => r.row).join('\n');
  await sql.end();
  // bytea is shown as hex: what is text inside becomes readable again.
  return (
    text + text.replaceAll(/\\x([0-9a-f]+)/g, (_, hex: string) => Buffer.from(hex, 'hex').toString('latin1'))
  );
}

describe('a deploy leaves no secret behind', { timeout: 240_000 }, () => {
  test('in rows, in the state of the engine, in the queue, in logs, files, arguments and environments', async () => {
    const token = rig.newToken();
    const credentialId = await rig.addCredential(token);
    await rig.checked(credentialId);
    const { id } = rig.cloud.faults.add({
      kind: 'slow_api',
      match: { method: 'POST', path: '/servers' },
      times: 1,
      delayMs: 4_000,
    });
    const { instanceId, operationId, pairingSecret } = await rig.deploy(credentialId);
    await until('the create is under way', () =>
      rig.cloud.faults.list().some((fault) => fault.id === id && fault.hits > 0) ? true : null,
    );
    const keys = [
      ...Object.values(
        JSON.parse(readFileSync(join(rig.dir, 'keys', 'kek.json'), 'utf8')) as Record<string, string>,
      ),
      ...(JSON.parse(readFileSync(join(rig.dir, 'keys', 'intake.json'), 'utf8')) as string[]),
    ];
    const early = { token, pairingSecret };

    const pids = engineProcesses(operationId);
    expect(pids.length).toBeGreaterThanOrEqual(3);
    for (const pid of pids) {
      const told = `${readFileSync(`/proc/${pid}/cmdline`, 'latin1')}\n${readFileSync(`/proc/${pid}/environ`, 'latin1')}`;
      expectNone(`the environment of ${pid}`, told, {
        ...early,
        databaseKey: rig.database.secretKey,
        ...Object.fromEntries(keys.map((key, index) => [`key ${index}`, key])),
      });
    }
    const workDir = files(join(rig.dir, 'work'));
    expect(workDir.length).toBeGreaterThan(100);
    expectNone('the working folder', workDir, early);

    expect(await rig.ended(operationId)).toMatchObject({ state: 'succeeded' });
    const userData = rig.userDataOf(instanceId);
    const registrationToken = /"registrationToken": "([A-Za-z0-9_-]{43})"/.exec(userData)?.[1];
    if (!registrationToken) throw new Error('the machine was told no registration token');
    expect(userData).toContain(pairingSecret);
    const secrets = { ...early, registrationToken };
    for (const name of ['claw', 'pulumi', 'queue'] as const) {
      const text = await dump(name);
      expect(text.length).toBeGreaterThan(100);
      expectNone(`database ${name}`, text, secrets);
    }
    expectNone('the log', rig.log.join('\n'), secrets);
    expect(readdirSync(join(rig.dir, 'work'))).toEqual([]);
  });
});
