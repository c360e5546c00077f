import { Problem } from '@claw-cloud/contracts';
import { toBase64Url } from '@claw-cloud/crypto';
import { generateToken, hashToken } from '@claw-cloud/crypto/tokens';
import { askedDeploy, inOneHour, registrationOf } from '@claw-cloud/db/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../testing/harness.ts';

describe('a booting machine', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api?.stop());

  /** A machine in boot, with the one-time token of its user-data. */
  const machine = async (expiresAt = inOneHour()) => {
    const { db } = api.database;
    const { instance, operation, ownerId } = await askedDeploy(db);
    const token = generateToken().use((text) => text);
    const lease = await db.provisioner.acquireLease(operation.id, 'test', 60_000);
    const epoch = lease?.epoch ?? 0;
    await db.provisioner.setState(operation.id, epoch, 'preflight');
    await db.provisioner.setState(operation.id, epoch, 'creating');
    await db.provisioner.storeRegistration(operation.id, epoch, hashToken(token), expiresAt);
    await db.provisioner.finishOperation(operation.id, epoch, {
      state: 'succeeded',
      failure: null,
      receipt: null,
      instanceState: 'booting',
    });
    return { instanceId: instance.id, ownerId, token };
  };
  const post = (path: string, token: string | undefined, body: unknown) =>
    api.fetch(`/v1/bootstrap/${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    });
  const code = async (response: Response) => Problem.parse(await response.json()).code;
  const phase = (instanceId: string) => ({
    instanceId,
    phase: 'installing',
    status: 'started',
    message: 'Fetching Node',
  });

  it('reports phases, registers once, and is refused from then on', async () => {
    const { instanceId, ownerId, token } = await machine();
    expect((await post('phases', token, phase(instanceId))).status).toBe(204);
    const person = await api.person(ownerId);
    const shown = await (await person.fetch(`/v1/instances/${instanceId}`)).json();
    expect(shown).toMatchObject({ state: 'installing' });
    const keys = registrationOf(instanceId);
    expect((await post('register', token, keys)).status).toBe(204);
    expect(await code(await post('register', token, keys))).toBe('registration_replayed');
    expect(await (await person.fetch(`/v1/instances/${instanceId}`)).json()).toMatchObject({
      agentPublicKey: keys.agentPublicKey,
    });
  });

  it('is refused with another machine’s token, none, an unknown one or one that has expired', async () => {
    const [mine, other] = [await machine(), await machine()];
    const late = await machine(new Date(Date.now() - 1_000).toISOString());
    expect(await code(await post('register', other.token, registrationOf(mine.instanceId)))).toBe(
      'registration_wrong_instance',
    );
    for (const token of [undefined, 'x', 'y'.repeat(500), toBase64Url(new Uint8Array(32))])
      expect(await code(await post('register', token, registrationOf(mine.instanceId)))).toBe(
        'registration_token_invalid',
      );
    expect(await code(await post('register', late.token, registrationOf(late.instanceId)))).toBe(
      'registration_token_expired',
    );
    expect((await post('register', mine.token, registrationOf(mine.instanceId))).status).toBe(204);
    for (const { token } of [mine, other, late]) expect(api.logged.join('')).not.toContain(token);
  });
});
