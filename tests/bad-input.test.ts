import { randomBytes } from 'node:crypto';
import { bearerProtocolPrefix, newId, ownerChannelProtocol } from '@claw-cloud/contracts';
import { sandboxToken } from '@claw-cloud/local';
import { addCredential, deploy, ProblemError } from '@claw-cloud/owner-client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  checkedCredential,
  destroyed,
  newOwner,
  type Owner,
  openChat,
  startDeploy,
  stateOf,
  until,
} from './support/owner.ts';
import { startTestPlatform, type TestPlatform } from './support/platform.ts';
import { addFault, clearFaults, cloudServers } from './support/sandbox.ts';

let platform: TestPlatform;
let owner: Owner;
let credentialId: string;

beforeAll(async () => {
  platform = await startTestPlatform();
  owner = await newOwner(platform);
  credentialId = (await checkedCredential(platform, owner)).id;
}, 240_000);
afterAll(() => platform?.stop());
afterEach(() => clearFaults(platform));

const problemOf = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail('was accepted'),
    (error: unknown) => {
      if (!(error instanceof ProblemError)) throw error;
      expect(error.message).not.toMatch(/ at .*:\d+|undefined|\[object/);
      return error;
    },
  );

describe('credentials', () => {
  test('a token the cloud does not know is rejected with the cloud’s reason', {
    timeout: 120_000,
  }, async () => {
    const credential = await checkedCredential(platform, owner, 'x'.repeat(64));
    expect(credential).toMatchObject({ state: 'rejected', failure: { code: 'credential_rejected' } });
    expect(credential.failure?.fix).not.toBe('');
  });

  test('a read-only token is rejected, and what is missing is named', { timeout: 120_000 }, async () => {
    const credential = await checkedCredential(
      platform,
      owner,
      await sandboxToken(platform, { powers: 'read' }),
    );
    expect(credential).toMatchObject({ state: 'rejected', failure: { code: 'credential_powerless' } });
    expect(credential.missing.length).toBeGreaterThan(0);
  });

  test('a sealed box of another owner is refused by the provisioner', { timeout: 120_000 }, async () => {
    const other = await newOwner(platform);
    const token = await sandboxToken(platform);
    // Sealed for `other`, sent by `owner`: what a thief of the stored blob would try.
    const { id } = await addCredential(owner.api, other.ownerId, {
      name: 'Stolen',
      secret: { provider: 'sandbox', token },
    });
    const credential = await until(
      () => owner.api.getCredential(id),
      ({ state }) => state !== 'verifying',
      90_000,
    );
    expect(credential).toMatchObject({ state: 'rejected', failure: { code: 'credential_context_mismatch' } });
  });
});

describe('deploys that cannot be', () => {
  const failed = async (code: string) => {
    const { instance } = await startDeploy(owner, credentialId);
    const after = await stateOf(owner, instance.id, 'failed', 90_000);
    expect(after.failure).toMatchObject({ code });
    expect(after.failure?.fix).not.toBe('');
    const left = (await cloudServers(platform)).servers.filter(
      ({ labels }) => labels['claw-cloud'] === `claw-${instance.id}`,
    );
    expect(left).toEqual([]);
    return after;
  };

  test('a size that sold out between the form and the create', { timeout: 120_000 }, async () => {
    await addFault(platform, { kind: 'sold_out', hidden: true });
    await failed('size_sold_out');
  });

  test('a quota that is reached', { timeout: 120_000 }, async () => {
    await addFault(platform, { kind: 'quota' });
    await failed('quota_reached');
  });

  test('a size with too little memory', async () => {
    const catalogue = await owner.api.getCatalogue(credentialId);
    expect(catalogue.sizes.every(({ memoryMb }) => memoryMb >= 1900)).toBe(true);
    const error = await problemOf(
      deploy(owner.api, owner.keyring, {
        credentialId,
        name: 'Tiny',
        region: catalogue.regions[0]?.id ?? '',
        size: 'cx11-nano',
        expectedMonthlyPrice: 1,
      }),
    );
    expect(error.code).toMatch(/size_unknown|size_too_small/);
    expect(error.message).toContain('cx11-nano');
  });

  test('pressed twice: one instance, one operation, one server', { timeout: 120_000 }, async () => {
    await addFault(platform, { kind: 'never_boots' });
    const catalogue = await owner.api.getCatalogue(credentialId);
    const size = catalogue.sizes.find(({ small, architecture }) => !small && architecture === 'x86');
    const offer = size?.offers.find(({ available }) => available);
    const { prepareDeploy } = await import('@claw-cloud/owner-client');
    const prepared = await prepareDeploy(owner.api, owner.keyring, {
      credentialId,
      name: 'Twice',
      region: offer?.region ?? '',
      size: size?.id ?? '',
      expectedMonthlyPrice: offer?.monthly ?? 0,
    });
    const [first, second] = await Promise.all([prepared.submit(), prepared.submit()]);
    expect(second.operation.id).toBe(first.operation.id);
    await stateOf(owner, prepared.instanceId, 'booting', 60_000);
    // The last word of the deploy follows the state: only then may another operation begin.
    await until(
      () => owner.api.getOperation(first.operation.id),
      ({ state }) => state === 'succeeded',
      30_000,
    );
    expect((await cloudServers(platform)).peakAliveByLabel[`claw-cloud=claw-${prepared.instanceId}`]).toBe(1);
    expect((await destroyed(owner, prepared.instanceId)).left).toEqual([]);
  });
});

describe('machines that are not what they say', () => {
  const post = (path: string, token: string, body: unknown) =>
    fetch(`${platform.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const key = () => randomBytes(32).toString('base64url');

  test('a registration with a token nobody issued', async () => {
    const response = await post('/v1/bootstrap/register', key(), {
      instanceId: newId('instance'),
      identityPublicKey: key(),
      agentPublicKey: key(),
      agentVersion: '1',
      openclawVersion: '1',
    });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ code: 'registration_token_invalid' });
  });
});

describe('what a client may send', () => {
  test('an event stream resumed from nonsense', async () => {
    const { items } = { items: await owner.api.listInstances() };
    const id = items[0]?.id ?? newId('instance');
    const response = await fetch(`${platform.url}/v1/instances/${id}/events`, {
      headers: { authorization: `Bearer ${await owner.getToken()}`, 'last-event-id': 'yesterday' },
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'event_id_invalid' });
  });

  test('another tenant’s ids', async () => {
    const intruder = await newOwner(platform);
    const [instance] = await owner.api.listInstances();
    const id = instance?.id ?? '';
    for (const work of [
      () => intruder.api.getInstance(id),
      () => intruder.api.destroyInstance(id),
      () => intruder.api.getReceipt(id),
      () => intruder.api.getCredential(credentialId),
      () => intruder.api.removeCredential(credentialId),
      () => intruder.api.getCatalogue(credentialId),
      () => intruder.api.getOperation(instance?.operationId ?? ''),
    ])
      expect(await problemOf(work())).toMatchObject({ status: 404, code: 'not_found' });
  });

  test('a chat frame of 100 MB: refused before it is sent, and by the relay when it is', {
    timeout: 600_000,
  }, async () => {
    const { instance } = await startDeploy(owner, credentialId);
    await stateOf(owner, instance.id, 'ready', 300_000);
    const { channel, conversation } = await openChat(platform, owner, instance.id);
    const hundred = 'x'.repeat(100 * 1024 * 1024);
    expect(() =>
      channel.send({
        type: 'gateway',
        frame: { type: 'req', id: '1', method: 'chat.send', params: { message: hundred } },
      }),
    ).toThrow(/too large|larger|at most/i);
    const socket = new WebSocket(
      `${platform.url.replace('http', 'ws')}/v1/instances/${instance.id}/channel`,
      [ownerChannelProtocol, `${bearerProtocolPrefix}${await owner.getToken()}`],
    );
    const code = await new Promise<number>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('close', resolve);
      socket.on('open', () => socket.send(Buffer.alloc(100 * 1024 * 1024)));
    });
    expect(code).toBe(1009);
    // Nothing else was harmed: the chat beside it goes on.
    const answer = await conversation.reply(conversation.send('Still here?'), { timeoutMs: 90_000 });
    expect(JSON.stringify(answer)).toContain('Still here?');
    channel.close();
    expect((await destroyed(owner, instance.id)).left).toEqual([]);
  });
});
