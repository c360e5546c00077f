import type { Instance } from '@claw-cloud/contracts';
import {
  createKeyring,
  createMemoryStorage,
  type DeviceFlowOptions,
  type InstanceOutcome,
  inviteDevice,
  type Keyring,
  linkDevice,
  type OwnerConnection,
  openOwnerChannel,
  recover,
  textOf,
} from '@claw-cloud/owner-client';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  checkedCredential,
  newOwner,
  type Owner,
  openChat,
  startDeploy,
  stateOf,
  until,
} from './support/owner.ts';
import { startTestPlatform, type TestPlatform } from './support/platform.ts';

let platform: TestPlatform;
let owner: Owner;
let instance: Instance;
let recoveryCode: string;
let sql: postgres.Sql;
/** A second browser of the same person, and one on a computer that has nothing. */
let second: Owner;
let third: Owner;

const elsewhere = (deviceName: string): Owner => {
  const storage = createMemoryStorage();
  return { ...owner, storage, keyring: createKeyring(storage, { ownerId: owner.ownerId, deviceName }) };
};
const flow = ({ api, keyring }: { api: Owner['api']; keyring: Keyring }): DeviceFlowOptions => ({
  baseUrl: platform.url,
  api,
  keyring,
  timeoutMs: 60_000,
});
const codesOf = (outcomes: readonly InstanceOutcome[]) =>
  outcomes.map(({ problem }) => problem?.code ?? 'ok');

async function dial(who: Owner): Promise<OwnerConnection> {
  const connection = openOwnerChannel({
    baseUrl: platform.url,
    instanceId: instance.id,
    api: who.api,
    keyring: who.keyring,
  });
  await connection.whenOpen({ timeoutMs: 60_000 });
  return connection;
}

/** Asks the assistant and gives its answer. */
async function ask(who: Owner, text: string): Promise<string> {
  const { channel, conversation } = await openChat(platform, who, instance.id);
  try {
    return textOf(await conversation.reply(conversation.send(text)));
  } finally {
    channel.close();
  }
}

/** What a device that is shut out hears at the door. */
async function refusal(who: Owner): Promise<string> {
  try {
    (await dial(who)).close();
    return 'open';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

beforeAll(async () => {
  platform = await startTestPlatform();
  owner = await newOwner(platform);
  const credential = await checkedCredential(platform, owner);
  const deployed = await startDeploy(owner, credential.id);
  recoveryCode = deployed.recoveryCode ?? '';
  instance = await stateOf(owner, deployed.instance.id, 'ready', 300_000);
  sql = postgres(platform.postgresUrl('claw'), { max: 1 });
  [second, third] = [elsewhere('second browser'), elsewhere('new computer')];
}, 600_000);
afterAll(async () => {
  await sql?.end();
  await platform?.stop();
});

test('a browser without keys is let in by a code from one that has them, and chats', async () => {
  const first = await dial(owner);
  const added = new Promise<string>((resolve) => {
    first.onNotice((notice) => notice.kind === 'device_added' && resolve(notice.name));
  });
  expect(await refusal(second)).toBe('device_unknown');
  const { code, outcomes } = await inviteDevice(flow(owner));
  expect(codesOf(outcomes)).toEqual(['ok']);
  // A wrong character is found before anybody is asked; a code of another account opens nothing.
  const wrong = `${code.startsWith('7') ? '8' : '7'}${code.slice(1)}`;
  await expect(linkDevice(wrong, flow(second))).rejects.toMatchObject({ code: 'invite_code_invalid' });
  const stranger = await newOwner(platform);
  expect(await linkDevice(code, flow(stranger))).toEqual([]);

  expect(codesOf(await linkDevice(code, flow(second)))).toEqual(['ok']);
  expect(await added).toBe('second browser');
  // What it deploys from now on is recovered by the code its owner has on paper.
  expect(await second.keyring.recovery()).toEqual(await owner.keyring.recovery());
  expect(await ask(second, 'hello from the second browser')).toContain('hello');
  expect(codesOf(await linkDevice(code, flow(third)))).toEqual(['invite_unknown']);
  first.close();
}, 180_000);

test('a control plane that was taken over gets nobody in with an invite, and is not believed about keys', async () => {
  const { code } = await inviteDevice(flow(owner));
  const told = Buffer.alloc(32, 9).toString('base64url');
  const tell = (key: string | null) =>
    sql`update public.instances set agent_public_key = ${key} where id = ${instance.id}`;
  await tell(told);
  try {
    expect(codesOf(await linkDevice(code, flow(third)))).toEqual(['agent_key_mismatch']);
    expect(codesOf(await recover(recoveryCode, flow(third)))).toEqual(['agent_key_mismatch']);
  } finally {
    await tell(instance.agentPublicKey);
  }
  expect(await third.keyring.knows(instance.id)).toBe(false);
  // The database may say whose the server is; the server itself knows its devices.
  const intruder = await newOwner(platform);
  await sql`update public.instances set owner_id = ${intruder.ownerId} where id = ${instance.id}`;
  try {
    await intruder.keyring.link(instance.id, instance.agentPublicKey ?? '');
    expect(await refusal(intruder)).toBe('device_not_enrolled');
  } finally {
    await sql`update public.instances set owner_id = ${owner.ownerId} where id = ${instance.id}`;
  }
}, 180_000);

test('a device that is revoked is out at once, and stays out', async () => {
  const first = await dial(owner);
  const live = await dial(second);
  const { devices } = await first.command('devices.list', {});
  expect(devices.map(({ kind, name }) => [kind, name])).toEqual([
    ['device', 'test device'],
    ['recovery', 'Recovery code'],
    ['device', 'second browser'],
  ]);
  const publicKey = devices[2]?.publicKey ?? '';
  await first.command('devices.rename', { publicKey, name: 'stolen phone' });
  const revokedAt = performance.now();
  await first.command('devices.revoke', { publicKey });
  const state = await until(
    async () => live.state(),
    ({ status }) => status === 'failed',
    20_000,
  );
  expect(performance.now() - revokedAt).toBeLessThan(10_000);
  expect(state).toMatchObject({ problem: { code: 'device_not_enrolled' } });
  expect(await refusal(second)).toBe('device_not_enrolled');
  const own = (await owner.keyring.device()).publicKey;
  await expect(first.command('devices.revoke', { publicKey: own })).rejects.toMatchObject({
    code: 'last_device',
  });
  live.close();
  first.close();
}, 120_000);

test('the recovery code alone gets its owner back in, and everybody else out', async () => {
  const other = (await elsewhere('x').keyring.recovery()).code?.use((text) => text) ?? '';
  expect(codesOf(await recover(other, flow(third)))).toEqual(['recovery_code_unknown']);
  await expect(recover('ABCD-1234', flow(third))).rejects.toMatchObject({ code: 'recovery_code_invalid' });
  expect(await third.keyring.knows(instance.id)).toBe(false);

  const lost = await dial(owner);
  const typed = recoveryCode.toLowerCase().replaceAll('-', ' ');
  expect(codesOf(await recover(typed, { ...flow(third), revokeOthers: true }))).toEqual(['ok']);
  const state = await until(
    async () => lost.state(),
    ({ status }) => status === 'failed',
    20_000,
  );
  expect(state).toMatchObject({ problem: { code: 'device_not_enrolled' } });
  expect(await refusal(owner)).toBe('device_not_enrolled');
  // What was said before is there: it was the server's all along.
  expect(await ask(third, 'hello from the new computer')).toContain('hello');
  const { channel, conversation } = await openChat(platform, third, instance.id);
  await until(
    async () => JSON.stringify(conversation.state().turns),
    (turns) => turns.includes('hello from the second browser'),
    30_000,
  );
  channel.close();
}, 180_000);
