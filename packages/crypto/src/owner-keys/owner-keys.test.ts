import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectCode } from '../../test/expect-code.ts';
import { hex, type PythonPeer, startPythonPeer } from '../../test/python-peer.ts';
import { keyPairFromPrivateKey } from '../key-pair.ts';
import { ready } from '../sodium.ts';
import {
  fingerprint,
  generateDeviceKeyPair,
  generateInviteCode,
  generatePairingSecret,
  generateRecoveryCode,
  inviteOf,
  openParcel,
  recoveryKeyPair,
  recoverySecret,
  recoverySecretOf,
  sealParcel,
} from './index.ts';

let python: PythonPeer;
beforeAll(async () => {
  await ready();
  python = startPythonPeer();
});
afterAll(() => python.stop());

const privateHex = (pair: ReturnType<typeof recoveryKeyPair>) => pair.privateKey.use(hex);

describe('a recovery code', () => {
  it('is nine groups of four, never the same', () => {
    const codes = Array.from({ length: 50 }, () => generateRecoveryCode().use((code) => code));
    for (const code of codes) expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){8}[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(new Set(codes).size).toBe(50);
  });

  it('gives the same keys as often as it is typed, in whatever case and spacing', async () => {
    const full = await printed('00443214c74254b635cf84653a56d7c675be77df');
    expect(full).toMatch(/^0123-4567-89AB-CDEF-GHJK-MNPQ-RSTV-WXYZ-/);
    const keys = privateHex(recoveryKeyPair(full));
    expect(privateHex(recoveryKeyPair(full.toLowerCase().replaceAll('-', ' ')))).toBe(keys);
    expect(privateHex(recoveryKeyPair(full.replaceAll('-', '')))).toBe(keys);
    expect(privateHex(recoveryKeyPair(full.replaceAll('0', 'O').replaceAll('1', 'l')))).toBe(keys);
    expect(privateHex(recoveryKeyPair(generateRecoveryCode()))).not.toBe(keys);
  });

  it('derives the key that Python derives', async () => {
    const data = 'ff'.repeat(20);
    const theirs = await python.call('blake2b', { label: 'claw.recovery.x25519.v1', data, size: 32 });
    expect(privateHex(recoveryKeyPair(await printed(data)))).toBe(theirs);
  });

  it('finds every wrong character and every pair of neighbours swapped', () => {
    const code = generateRecoveryCode().use((value) => value.replaceAll('-', ''));
    for (let at = 0; at < code.length; at += 1) {
      const other = code[at] === '7' ? '8' : '7';
      expectCode('recovery_code_invalid', () =>
        recoveryKeyPair(code.slice(0, at) + other + code.slice(at + 1)),
      );
      const [a, b] = [code[at], code[at + 1]];
      if (b === undefined || a === b) continue;
      const swapped = code.slice(0, at) + b + a + code.slice(at + 2);
      expectCode('recovery_code_invalid', () => recoveryKeyPair(swapped));
    }
  });

  it.each(['', 'ABCD', 'U'.repeat(36), `${'A'.repeat(36)}€`, '0'.repeat(1_000_000)])(
    'refuses nonsense %#',
    (code) => {
      const error = expectCode('recovery_code_invalid', () => recoveryKeyPair(code));
      if (code) expect(error.message).not.toContain(code);
    },
  );
});

it('gives a recovery code a secret of its own, and from it one per server, the same in Python', async () => {
  const data = '00443214c74254b635cf84653a56d7c675be77df';
  const code = await printed(data);
  const master = recoverySecret(code);
  expect(master.use(hex)).toBe(
    await python.call('blake2b', { label: 'claw.recovery.secret.v1', data, size: 32 }),
  );
  const label = 'claw.recovery.instance.v1';
  const theirs = await python.call('derive_for', { secret: master.use(hex), label, instance_id: 'ins_1' });
  expect(recoverySecretOf(master, 'ins_1').use(hex)).toBe(theirs);
  expect(recoverySecretOf(master, 'ins_2').use(hex)).not.toBe(theirs);
  // It is not the key: whoever holds it can't play the owner.
  expect(master.use(hex)).not.toBe(privateHex(recoveryKeyPair(code)));
});

describe('the code of an invite', () => {
  it('is another name and another secret at each server, the same in Python', async () => {
    const code = generateInviteCode();
    expect(code.use((text) => text)).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){8}[0-9A-HJKMNP-TV-Z]{4}$/);
    const zeros = await printed('00'.repeat(20), 'claw.invite.check.v1');
    const invite = inviteOf(zeros.toLowerCase(), 'ins_1');
    const fields = { secret: '00'.repeat(20), instance_id: 'ins_1' };
    const theirs = await python.call('derive_for', { ...fields, label: 'claw.invite.secret.v1' });
    expect(invite.secret.use(hex)).toBe(theirs);
    const id = await python.call('derive_for', { ...fields, label: 'claw.invite.id.v1' });
    expect(invite.inviteId).toBe(Buffer.from(id, 'hex').subarray(0, 12).toString('base64url'));
    const other = inviteOf(zeros, 'ins_2');
    expect([other.inviteId, other.secret.use(hex)]).not.toContain(invite.inviteId);
    expect(other.secret.use(hex)).not.toBe(theirs);
  });

  it('seals what only the other holder of the code can read', () => {
    const [code, other] = [generateInviteCode(), generateInviteCode()];
    const parcel = sealParcel(code, 'for your eyes: ü');
    expect(openParcel(code, parcel)).toBe('for your eyes: ü');
    expect(sealParcel(code, 'for your eyes: ü')).not.toBe(parcel);
    const altered = `${parcel.slice(0, 40)}${parcel[40] === 'A' ? 'B' : 'A'}${parcel.slice(41)}`;
    for (const bad of ['', 'A', '!', parcel.slice(0, 30), altered])
      expect(openParcel(code, bad)).toBeUndefined();
    expect(openParcel(other, parcel)).toBeUndefined();
    expectCode('invite_code_invalid', () => sealParcel('ABCD', 'x'));
  });

  it('is not a recovery code, nor the other way round', () => {
    expectCode('invite_code_invalid', () => inviteOf(generateRecoveryCode(), 'ins_1'));
    expectCode('recovery_code_invalid', () => recoverySecret(generateInviteCode()));
  });
});

it('gives device keys and pairing secrets of 32 bytes, fresh each time', () => {
  const [one, other] = [generateDeviceKeyPair(), generateDeviceKeyPair()];
  expect(hex(one.publicKey)).not.toBe(hex(other.publicKey));
  expect(keyPairFromPrivateKey(one.privateKey).publicKey).toEqual(one.publicKey);
  expect(generatePairingSecret().use((bytes) => bytes.length)).toBe(32);
  expect(generatePairingSecret().use(hex)).not.toBe(generatePairingSecret().use(hex));
  expectCode('input_invalid', () => keyPairFromPrivateKey(new Uint8Array(31)));
});

it('prints a fingerprint two people can compare, the same in Python', async () => {
  const key = new Uint8Array(32).fill(1);
  const digest = await python.call('blake2b', { label: 'claw.fingerprint.v1', data: hex(key), size: 64 });
  const groups = (digest.match(/.{10}/g) ?? []).slice(0, 6);
  const expected = groups.map((group) => String(Number.parseInt(group, 16) % 100_000).padStart(5, '0'));
  expect(fingerprint(key)).toBe(expected.join(' '));
  expect(fingerprint(key)).toMatch(/^(\d{5} ){5}\d{5}$/);
  expect(fingerprint(new Uint8Array(32))).not.toBe(fingerprint(key));
  expectCode('input_invalid', () => fingerprint(new Uint8Array(31)));
});

/** The code of 20 bytes as Python and plain arithmetic print it. */
async function printed(data: string, label = 'claw.recovery.check.v1'): Promise<string> {
  const check = await python.call('blake2b', { label, data, size: 32 });
  const bits = BigInt(`0x${data}${check.slice(0, 5)}`);
  const chars = Array.from({ length: 36 }, (_, index) => {
    const value = Number((bits >> BigInt(5 * (35 - index))) & 31n);
    return '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[value];
  });
  return chars.join('').replace(/(.{4})(?!$)/g, '$1-');
}
