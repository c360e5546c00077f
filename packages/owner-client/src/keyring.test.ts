import { describe, expect, it } from 'vitest';
import { createKeyring, decodeKeyring, encodeKeyring } from './keyring.ts';
import { parseSignInLink, signInLink } from './sign-in-link.ts';
import { createMemoryStorage } from './storage.ts';

const instanceId = 'ins_000000000000000000000001';
const agentKey = 'A'.repeat(43);
const open = (storage = createMemoryStorage(), ownerId = 'owner-1') =>
  createKeyring(storage, { ownerId, deviceName: 'Test' });

describe('the keyring', () => {
  it('makes one device key pair, however many ask at once', async () => {
    const storage = createMemoryStorage();
    const devices = await Promise.all([
      open(storage).device(),
      open(storage).device(),
      open(storage).device(),
    ]);
    expect(new Set(devices.map((device) => device.publicKey)).size).toBe(1);
    expect((await open(storage).device()).publicKey).toBe(devices[0]?.publicKey);
  });

  it('keeps owners of one browser apart', async () => {
    const storage = createMemoryStorage();
    const first = await open(storage, 'a').device();
    const second = await open(storage, 'b').device();
    expect(first.publicKey).not.toBe(second.publicKey);
    await open(storage, 'a').prepareInstance(instanceId);
    expect(await open(storage, 'b').knows(instanceId)).toBe(false);
  });

  it('has stored the pairing secret before anybody is told of it, and gives the same one again', async () => {
    const storage = createMemoryStorage();
    const first = await open(storage).prepareInstance(instanceId);
    const again = await open(storage).prepareInstance(instanceId);
    expect(again).toEqual(first);
    expect((await open(storage).instance(instanceId))?.pairingSecret).toBe(first.pairingSecret);
  });

  it('pins the agent once and erases the secret with it', async () => {
    const storage = createMemoryStorage();
    const keyring = open(storage);
    const { pairingSecret } = await keyring.prepareInstance(instanceId);
    await keyring.pin(instanceId, agentKey);
    expect(await keyring.instance(instanceId)).toEqual({
      devicePublicKey: (await keyring.device()).publicKey,
      pinnedAgentKey: agentKey,
    });
    expect(JSON.stringify(await storage.list(''))).not.toContain(pairingSecret);
    await expect(keyring.pin(instanceId, 'B'.repeat(43))).rejects.toThrow('pinned already');
  });

  it('stores of a recovery code what lets nobody in, and makes a new code until one is kept', async () => {
    const storage = createMemoryStorage();
    const keyring = open(storage);
    const first = await keyring.recovery();
    const second = await keyring.recovery();
    expect(first.code).toBeDefined();
    expect(second.publicKey).not.toBe(first.publicKey);
    const code = second.code?.use((text) => text) ?? '';
    expect(code).toMatch(/^([0-9A-Z]{4}-){8}[0-9A-Z]{4}$/);
    expect(JSON.stringify(await storage.list(''))).not.toContain(code);
    await keyring.acknowledgeRecovery(second.publicKey);
    const kept = await keyring.recovery();
    expect(kept).toEqual({ publicKey: second.publicKey, secret: second.secret });
    // Another device of the same owner may be told the code instead of making one of its own.
    const elsewhere = open();
    await elsewhere.useRecoveryCode(code.toLowerCase());
    expect(await elsewhere.recovery()).toEqual(kept);
    await expect(elsewhere.useRecoveryCode('ABCD')).rejects.toThrow('not a recovery code');
  });

  it('makes a new recovery code where the one of before has nothing that proves a server', async () => {
    const storage = createMemoryStorage();
    const old = { publicKey: agentKey, acknowledged: true };
    await storage.set('keyring/owner-1/recovery', JSON.stringify(old));
    const made = await open(storage).recovery();
    expect(made.code).toBeDefined();
    expect(made.publicKey).not.toBe(agentKey);
  });

  it('links an instance by a proven key, and follows the agent from one key to the next', async () => {
    const keyring = open();
    const other = 'B'.repeat(43);
    await keyring.link(instanceId, agentKey);
    const devicePublicKey = (await keyring.device()).publicKey;
    expect(await keyring.repin(instanceId, other, other)).toBe(false);
    expect(await keyring.instance(instanceId)).toEqual({ devicePublicKey, pinnedAgentKey: agentKey });
    expect(await keyring.repin(instanceId, agentKey, other)).toBe(true);
    expect(await keyring.instance(instanceId)).toEqual({ devicePublicKey, pinnedAgentKey: other });
    expect(await keyring.repin('ins_000000000000000000000002', agentKey, other)).toBe(false);
  });

  it('moves to another browser of the same owner', async () => {
    const there = open();
    const { pairingSecret } = await there.prepareInstance(instanceId);
    const text = await encodeKeyring(await there.export());
    const exported = await decodeKeyring(text);
    if (!exported) throw new Error('The text did not decode.');
    const here = open();
    await here.import(exported);
    expect((await here.device()).publicKey).toBe((await there.device()).publicKey);
    expect(await here.instance(instanceId)).toMatchObject({ pairingSecret });
    expect((await here.deviceOf(instanceId))?.publicKey).toBe((await there.device()).publicKey);
  });

  it('keeps its own device and pins when it takes in others', async () => {
    const there = open();
    const here = open();
    const own = await here.device();
    await there.prepareInstance(instanceId);
    await here.import(await there.export());
    expect((await here.device()).publicKey).toBe(own.publicKey);
    // The instance knows the other device's key: that one is used for it.
    expect((await here.deviceOf(instanceId))?.publicKey).toBe((await there.device()).publicKey);
    await here.pin(instanceId, agentKey);
    await here.import(await there.export());
    expect((await here.instance(instanceId))?.pinnedAgentKey).toBe(agentKey);
  });

  it('takes no keys of another owner, and none that do not belong together', async () => {
    const theirs = open(createMemoryStorage(), 'mallory');
    await theirs.prepareInstance(instanceId);
    const exported = await theirs.export();
    await expect(open().import(exported)).rejects.toThrow('another account');
    const device = Object.values(exported.devices)[0];
    if (!device) throw new Error('There is no device.');
    const forged = { ...exported, ownerId: 'owner-1', devices: { [agentKey]: device } };
    await expect(open().import(forged)).rejects.toThrow('do not belong together');
  });

  it('decodes nothing but what it encoded', async () => {
    expect(await decodeKeyring('not a keyring!')).toBeUndefined();
    expect(await decodeKeyring('e30')).toBeUndefined();
    expect(await decodeKeyring('A'.repeat(300_000))).toBeUndefined();
  });
});

describe('a sign-in link', () => {
  it('carries token and keys in the fragment', async () => {
    const keyring = open();
    await keyring.device();
    const exported = await keyring.export();
    const url = new URL(await signInLink('https://claw.example', 'one-time', exported));
    expect(url.search + url.pathname).toBe('/');
    expect(await parseSignInLink(url.hash)).toEqual({ link: 'one-time', keys: exported });
    expect(await parseSignInLink('#/sign-in?link=x')).toEqual({ link: 'x', keys: undefined });
    for (const other of ['', '#/', '#/sign-in', '#/sign-in?keys=x', '#/other?link=x'])
      expect(await parseSignInLink(other)).toBeUndefined();
  });
});
