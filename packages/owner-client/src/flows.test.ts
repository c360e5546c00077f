import {
  AddCredential,
  DeployInstance,
  type IntakeKey,
  sealedCredentialContext,
  sealedEnrolmentContext,
} from '@claw-cloud/contracts';
import { fromBase64Url, ready, toBase64Url } from '@claw-cloud/crypto';
import { recoverySecretOf } from '@claw-cloud/crypto/owner-keys';
import { generateIntakeKeyPair, type IntakeKeyPair, openSealed } from '@claw-cloud/crypto/sealed';
import { beforeEach, describe, expect, it } from 'vitest';
import { addCredential, deploy, prepareDeploy } from './flows.ts';
import { createKeyring, type Keyring } from './keyring.ts';
import { ProblemError } from './problem.ts';
import { createMemoryStorage } from './storage.ts';

const credentialId = 'crd_000000000000000000000001';
const input = { credentialId, name: 'My claw', region: 'fsn1', size: 'cx22', expectedMonthlyPrice: 4.5 };

describe('what an owner sends', () => {
  let intake: IntakeKeyPair;
  let keyring: Keyring;
  let sent: unknown[];
  let troubles: ProblemError[];

  beforeEach(async () => {
    await ready();
    intake = generateIntakeKeyPair();
    keyring = createKeyring(createMemoryStorage(), { ownerId: 'owner', deviceName: 'Test' });
    sent = [];
    troubles = [];
  });
  const answer = (body: unknown) => {
    sent.push(body);
    const trouble = troubles.shift();
    if (trouble) throw trouble;
    return { instance: {}, operation: {} } as never;
  };
  const api = {
    intakeKey: async (): Promise<IntakeKey> => ({
      kid: intake.kid,
      publicKey: toBase64Url(intake.publicKey),
    }),
    addCredential: async (body: AddCredential) => answer(body),
    deployInstance: async (body: DeployInstance) => answer(body),
  };
  const open = (sealed: { kid: string; box: string }, context: Record<string, string>) =>
    JSON.parse(openSealed({ [intake.kid]: intake }, sealed, context).use((text) => text)) as unknown;

  it('seals a credential for its owner, its id and its cloud', async () => {
    await addCredential(api, 'owner', {
      name: 'Main',
      secret: { provider: 'hetzner', token: 'canary-token' },
    });
    const body = AddCredential.parse(sent[0]);
    expect(JSON.stringify(sent)).not.toContain('canary-token');
    const context = sealedCredentialContext('owner', body.id, 'hetzner');
    expect(open(body.sealed, context)).toEqual({ provider: 'hetzner', token: 'canary-token' });
    expect(() => open(body.sealed, { ...context, ownerId: 'mallory' })).toThrow('ownerId');
  });

  it('seals the enrolment, whose secret is stored before it is sent', async () => {
    const prepared = await prepareDeploy(api, keyring, input);
    expect(sent).toEqual([]);
    const keys = await keyring.instance(prepared.instanceId);
    expect(keys?.pairingSecret).toBeDefined();
    await prepared.submit();
    const body = DeployInstance.parse(sent[0]);
    expect(open(body.enrolment, sealedEnrolmentContext('owner', body.id))).toEqual({
      devicePublicKey: keys?.devicePublicKey,
      deviceName: 'Test',
      recoveryPublicKey: (await keyring.export()).recovery?.publicKey,
      pairingSecret: keys?.pairingSecret,
      recoverySecret: recoverySecretOf(
        fromBase64Url((await keyring.export()).recovery?.secret ?? ''),
        prepared.instanceId,
      ).use(toBase64Url),
    });
    expect(JSON.stringify(body)).not.toContain(keys?.pairingSecret);
  });

  it('shows a recovery code until one was kept', async () => {
    const first = await prepareDeploy(api, keyring, input);
    expect(first.recoveryCode).toMatch(/^[0-9A-Z-]{44}$/);
    await first.acknowledge();
    expect((await prepareDeploy(api, keyring, input)).recoveryCode).toBeUndefined();
    const fresh = createKeyring(createMemoryStorage(), { ownerId: 'owner', deviceName: 'Test' });
    expect((await deploy(api, fresh, input)).recoveryCode).toBeDefined();
    expect((await deploy(api, fresh, input)).recoveryCode).toBeUndefined();
  });

  it('repeats what got no answer under the same id, and nothing else', async () => {
    const away = new ProblemError({ code: 'unavailable', message: 'Away.', fix: 'Wait.' });
    troubles = [away];
    await deploy(api, keyring, input);
    const ids = sent.map((body) => DeployInstance.parse(body).id);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
    troubles = [new ProblemError({ code: 'price_changed', message: 'Dearer.', fix: 'Look again.' })];
    await expect(deploy(api, keyring, input)).rejects.toMatchObject({ code: 'price_changed' });
    expect(sent).toHaveLength(3);
  });

  it('seals again for an intake key that changed in between', async () => {
    const old = intake.kid;
    const prepared = await prepareDeploy(api, keyring, input);
    troubles = [new ProblemError({ code: 'intake_key_unknown', message: 'Changed.', fix: 'Reload.' })];
    const before = intake;
    const changing = {
      ...api,
      intakeKey: async () => {
        const key = await api.intakeKey();
        intake = generateIntakeKeyPair();
        return key;
      },
    };
    const again = await prepareDeploy(changing, keyring, input, prepared.instanceId);
    await again.submit();
    expect(sent.map((body) => DeployInstance.parse(body).enrolment.kid)).toEqual([
      old,
      expect.not.stringMatching(before.kid),
    ]);
  });
});
