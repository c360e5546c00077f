import { generateKeyPairSync } from 'node:crypto';
import { tunnelProtocol } from '@claw-cloud/contracts';
import { openOwnerChannel } from '@claw-cloud/owner-client';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { newOwner, type Owner, openChat, readyInstance, until } from './support/owner.ts';
import { startTestPlatform, type TestPlatform } from './support/platform.ts';

// The frame-by-frame attacks (replay, reorder, drop, truncate, flip) are in packages/crypto/src/owner-channel: there the
// relay is ours to bend. Here the control plane itself has been taken over: its database says what the attacker wants.

let platform: TestPlatform;
let owner: Owner;
let instanceId: string;
let sql: postgres.Sql;
let realKey: string;

const attackersKey = () =>
  generateKeyPairSync('x25519')
    .publicKey.export({ type: 'spki', format: 'der' })
    .subarray(-32)
    .toString('base64url');
const tellKey = (key: string) =>
  sql`update public.instances set agent_public_key = ${key} where id = ${instanceId}`;

beforeAll(async () => {
  platform = await startTestPlatform();
  owner = await newOwner(platform);
  const { instance } = await readyInstance(platform, owner);
  instanceId = instance.id;
  realKey = instance.agentPublicKey ?? '';
  sql = postgres(platform.postgresUrl('claw'), { max: 1 });
}, 600_000);
afterAll(async () => {
  await sql?.end();
  await platform?.stop();
});

/** Opens the channel and returns the first problem it meets. */
async function firstProblem(who: Owner): Promise<{ code: string; message: string }> {
  const channel = openOwnerChannel({ baseUrl: platform.url, instanceId, api: who.api, keyring: who.keyring });
  try {
    const state = await until(
      async () => channel.state(),
      ({ status }) => status === 'waiting' || status === 'failed' || status === 'open',
      30_000,
    );
    if (!('problem' in state) || !state.problem) throw new Error(`no problem: ${state.status}`);
    return state.problem;
  } finally {
    channel.close();
  }
}

test('a key swapped at registration is refused at the first connection, and the person is told why', async () => {
  await tellKey(attackersKey());
  const problem = await firstProblem(owner);
  // The server can't read what was meant for the attacker's key, and says so. An attacker who plays the server himself
  // is refused with agent_key_unproven: packages/crypto/src/owner-channel.
  expect(problem.code).toBe('agent_key_mismatch');
  expect(problem.message.length).toBeGreaterThan(20);
  expect((await owner.keyring.instance(instanceId))?.pinnedAgentKey).toBeUndefined();
});

test('with the true key the first connection pins it and erases the pairing secret', {
  timeout: 60_000,
}, async () => {
  await tellKey(realKey);
  const { channel } = await openChat(platform, owner, instanceId);
  channel.close();
  expect(await owner.keyring.instance(instanceId)).toMatchObject({ pinnedAgentKey: realKey });
  expect((await owner.keyring.instance(instanceId))?.pairingSecret).toBeUndefined();
});

test('a key swapped later changes nothing: the pin counts, and the person is warned', {
  timeout: 60_000,
}, async () => {
  await tellKey(attackersKey());
  const { channel } = await openChat(platform, owner, instanceId);
  expect(channel.state()).toMatchObject({ status: 'open', warning: { code: 'agent_key_changed' } });
  channel.close();
  await tellKey(realKey);
});

test('a device that the control plane enrols for itself is refused by the server', {
  timeout: 60_000,
}, async () => {
  const intruder = await newOwner(platform);
  // The attacker owns the database: the instance is theirs on paper, and their device believes the true key.
  await sql`update public.instances set owner_id = ${intruder.ownerId} where id = ${instanceId}`;
  try {
    await intruder.keyring.prepareInstance(instanceId);
    await intruder.keyring.pin(instanceId, realKey);
    const problem = await firstProblem(intruder);
    expect(problem.code).toBe('device_not_enrolled');
  } finally {
    await sql`update public.instances set owner_id = ${owner.ownerId} where id = ${instanceId}`;
  }
});

test('a tunnel opened by somebody without the server’s key is refused', { timeout: 30_000 }, async () => {
  const socket = new WebSocket(`${platform.url.replace('http', 'ws')}/v1/tunnel`, tunnelProtocol);
  const verdict = await new Promise<Record<string, unknown>>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (data) => {
      const message = JSON.parse(String(data));
      if (message.type === 'challenge')
        socket.send(
          JSON.stringify({
            type: 'answer',
            instanceId,
            signature: Buffer.alloc(64, 7).toString('base64url'),
          }),
        );
      else resolve(message);
    });
  });
  socket.close();
  expect(verdict).toMatchObject({ type: 'refused', code: 'tunnel_signature_invalid' });
});
