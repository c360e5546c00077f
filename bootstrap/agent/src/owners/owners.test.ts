import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBase64Url, generateKeyPair, type KeyPair, ready, toBase64Url } from '@claw-cloud/crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { enrolOwners, type Owners, openOwners } from './owners.ts';

const at = '2026-11-25T10:00:00.000Z';
const pairingSecret = Buffer.alloc(32, 7).toString('base64url');
const recoverySecret = Buffer.alloc(32, 8).toString('base64url');
const inviteSecret = Buffer.alloc(32, 9).toString('base64url');
const name = (pair: KeyPair) => toBase64Url(pair.publicKey);
const fresh = () => name(generateKeyPair());

let root: string;
let path: string;
let device: KeyPair;
let recovery: KeyPair;
let ms: number;
const open = (): Owners => openOwners(path, { now: () => new Date(at), monotonicMs: () => ms });

beforeEach(async () => {
  await ready();
  root = mkdtempSync(join(tmpdir(), 'claw-owners-'));
  path = join(root, 'owners.json');
  [device, recovery] = [generateKeyPair(), generateKeyPair()];
  ms = 0;
  const enrolment = {
    devicePublicKey: name(device),
    deviceName: 'laptop',
    recoveryPublicKey: name(recovery),
    pairingSecret,
    recoverySecret,
  };
  enrolOwners(path, enrolment, () => new Date(at));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const invite = (over: { inviteId?: string; minutes?: number } = {}) => ({
  inviteId: 'invite-0001',
  secret: inviteSecret,
  minutes: 10,
  ...over,
});

test('owners are known from birth, and a later enrolment changes nothing', () => {
  const stranger = generateKeyPair();
  enrolOwners(path, {
    devicePublicKey: name(stranger),
    deviceName: 'x',
    recoveryPublicKey: name(stranger),
    pairingSecret,
  });
  const owners = open();
  expect([device, recovery, stranger].map(({ publicKey }) => owners.isEnrolled(publicKey))).toEqual([
    true,
    true,
    false,
  ]);
  expect(owners.list()).toMatchObject([
    { publicKey: name(device), kind: 'device', name: 'laptop', addedAt: at, lastSeenAt: null },
    { publicKey: name(recovery), kind: 'recovery' },
  ]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('each caller is asked for the secret that is its own', () => {
  const owners = open();
  const secretFor = (pair: KeyPair) => owners.pairing({ peer: pair.publicKey, pairingId: undefined })?.secret;
  expect(secretFor(device)).toEqual(fromBase64Url(pairingSecret));
  expect(secretFor(recovery)).toEqual(fromBase64Url(recoverySecret));
});

test('the pairing secret is gone for good once used, for pairings under way too; recovery stays', () => {
  const owners = open();
  const ask = (pair: KeyPair) => owners.pairing({ peer: pair.publicKey, pairingId: undefined });
  const [one, other] = [ask(device), ask(device)];
  one?.onPaired(device.publicKey, { name: 'laptop' });
  expect([ask(device), other?.isOpen()]).toEqual([null, false]);
  expect(open().pairing({ peer: device.publicKey, pairingId: undefined })).toBeNull();
  expect(readFileSync(path, 'utf8')).not.toContain(pairingSecret);
  ask(recovery)?.onPaired(recovery.publicKey, { name: 'x' });
  expect(ask(recovery)?.isOpen()).toBe(true);
});

test('the first agents’ file is read, and has no secret for recovery', () => {
  const owners = [{ publicKey: name(device), kind: 'device', name: 'laptop' }];
  const kept = { publicKey: name(recovery), kind: 'recovery', name: 'recovery code' };
  writeFileSync(path, JSON.stringify({ v: 1, owners: [...owners, kept], pairingSecret: null }));
  const opened = open();
  expect(opened.list()).toMatchObject([{ name: 'laptop', addedAt: null }, { kind: 'recovery' }]);
  expect(opened.pairing({ peer: recovery.publicKey, pairingId: undefined })).toBeNull();
  opened.rename(name(device), 'desk');
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ v: 2, owners: [{ name: 'desk' }, {}] });
});

test('a damaged owners file is put back from its copy; both damaged are an error, never an empty list', () => {
  const owners = open().list();
  writeFileSync(path, '{"v":2,"owners":"all"}');
  expect(open().list()).toEqual(owners);
  writeFileSync(path, '{"v":2,"owners":"all"}');
  writeFileSync(`${path}.copy`, '');
  expect(() => open()).toThrow();
  expect(() => openOwners(join(root, 'absent.json'))).toThrow();
});

describe('an invite', () => {
  const find = (owners: Owners, pairingId = 'invite-0001') =>
    owners.pairing({ peer: generateKeyPair().publicKey, pairingId });

  test('enrols the device that proves its secret, once and durably', () => {
    const owners = open();
    const added: string[] = [];
    owners.events.on('added', (owner) => added.push(owner.name));
    expect(owners.invite(invite(), name(device))).toEqual(new Date('2026-11-25T10:10:00.000Z'));
    const guest = generateKeyPair();
    find(owners)?.onPaired(guest.publicKey, { name: 'Firefox on Linux' });
    expect([added, find(owners), owners.isEnrolled(guest.publicKey)]).toEqual([
      ['Firefox on Linux'],
      null,
      true,
    ]);
    expect(open().find(name(guest))).toMatchObject({ kind: 'device', addedAt: at, lastSeenAt: at });
    expect(readFileSync(path, 'utf8')).not.toContain(inviteSecret);
  });

  test('hands what was left for the invited device to that one alone, for as long as it would have lasted', () => {
    const owners = open();
    owners.invite({ ...invite(), parcel: 'sealed' }, name(device));
    const guest = generateKeyPair();
    find(owners)?.onPaired(guest.publicKey, { name: 'Phone' });
    ms = 10 * 60_000 - 1;
    expect([owners.parcelFor(name(guest)), owners.parcelFor(name(device))]).toEqual(['sealed', null]);
    ms += 1;
    expect(owners.parcelFor(name(guest))).toBeNull();
  });

  test('ends after its time on a clock that nobody sets, and with a restart', () => {
    const owners = open();
    owners.invite(invite(), name(device));
    const underWay = find(owners);
    ms = 10 * 60_000 - 1;
    expect([find(owners) === null, underWay?.isOpen()]).toEqual([false, true]);
    ms += 1;
    expect([underWay?.isOpen(), find(owners)]).toEqual([false, null]);
    owners.invite(invite(), name(device));
    expect(find(open())).toBeNull();
  });

  test('dies after ten handshakes that came to nothing', () => {
    const owners = open();
    owners.invite(invite(), name(device));
    for (let attempt = 0; attempt < 10; attempt += 1) find(owners)?.onAttempt?.();
    expect(find(owners)).toBeNull();
  });

  test('is not told from others by who guesses its name', () => {
    const owners = open();
    owners.invite(invite(), name(device));
    expect(find(owners, 'invite-0002')).toBeNull();
    expect(find(owners)?.isOpen()).toBe(true);
  });

  test('is one of a few', () => {
    const owners = open();
    for (let one = 0; one < 8; one += 1) owners.invite(invite({ inviteId: `invite-00${one}` }), name(device));
    expect(() => owners.invite(invite(), name(device))).toThrow(
      expect.objectContaining({ code: 'rate_limited' }),
    );
    // The same once more is no other one: an answer may have been lost.
    owners.invite(invite({ inviteId: 'invite-000' }), name(device));
    ms = 11 * 60_000;
    owners.invite(invite(), name(device));
  });

  test('ends with the right of the device that made it', () => {
    const owners = open();
    const thief = fresh();
    owners.enrol({ publicKey: thief, name: 'stolen' });
    owners.invite(invite(), thief);
    owners.revoke(thief);
    expect(find(owners)).toBeNull();
  });
});

describe('a device', () => {
  test('is revoked durably, and everybody who serves it hears so', () => {
    const owners = open();
    const other = fresh();
    owners.enrol({ publicKey: other, name: 'phone' });
    const revoked: string[] = [];
    owners.events.on('revoked', (publicKey) => revoked.push(publicKey));
    owners.revoke(other);
    expect([revoked, open().find(other)]).toEqual([[other], undefined]);
    expect(() => owners.revoke(other)).toThrow(expect.objectContaining({ code: 'device_unknown' }));
  });

  test('that is the last, and the recovery code, can’t be revoked', () => {
    const owners = open();
    expect(() => owners.revoke(name(device))).toThrow(expect.objectContaining({ code: 'last_device' }));
    expect(() => owners.revoke(name(recovery))).toThrow(expect.objectContaining({ code: 'forbidden' }));
    expect(owners.list()).toHaveLength(2);
  });

  test('that recovery brings in may be the only one left; invites and the first pairing end too', () => {
    const owners = open();
    const [second, saved] = [fresh(), fresh()];
    owners.enrol({ publicKey: second, name: 'phone' });
    owners.invite(invite(), second);
    owners.enrol({ publicKey: saved, name: 'new' });
    const revoked: string[] = [];
    owners.events.on('revoked', (publicKey) => revoked.push(publicKey));
    expect(owners.revokeOthers(saved)).toBe(2);
    expect(revoked).toEqual([name(device), second]);
    expect(owners.list().map(({ publicKey }) => publicKey)).toEqual([name(recovery), saved]);
    const asked = { peer: generateKeyPair().publicKey, pairingId: 'invite-0001' };
    expect(owners.pairing(asked)).toBeNull();
    expect(owners.pairing({ peer: device.publicKey, pairingId: undefined })).toBeNull();
  });

  test('is one of a hundred', () => {
    const owners = open();
    for (let one = 2; one < 100; one += 1) owners.enrol({ publicKey: fresh(), name: 'x' });
    expect(() => owners.enrol({ publicKey: fresh(), name: 'x' })).toThrow(
      expect.objectContaining({ code: 'quota_reached' }),
    );
    owners.enrol({ publicKey: name(device), name: 'again' });
    expect(owners.find(name(device))?.name).toBe('laptop');
  });

  test('was seen, which is written down once a minute at most', () => {
    const owners = open();
    const written = () => open().find(name(device))?.lastSeenAt;
    owners.seen(name(device));
    expect(written()).toBe(at);
    const later = openOwners(path, { now: () => new Date('2026-11-25T11:00:00Z'), monotonicMs: () => ms });
    later.seen(name(device));
    ms = 30_000;
    later.seen(name(device));
    expect(written()).toBe('2026-11-25T11:00:00.000Z');
    later.seen(fresh());
    expect(later.list()).toHaveLength(2);
  });
});
