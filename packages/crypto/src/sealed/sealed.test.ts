import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectCode, flip } from '../../test/expect-code.ts';
import { hex, type PythonPeer, startPythonPeer, unhex } from '../../test/python-peer.ts';
import { readVectors } from '../../test/vectors.ts';
import { utf8 } from '../bytes.ts';
import { fromBase64Url, toBase64Url } from '../encoding.ts';
import { secret } from '../secret.ts';
import { ready, sodium } from '../sodium.ts';
import {
  generateIntakeKeyPair,
  type IntakeKeyPair,
  intakeKeyPairFromPrivateKey,
  MAX_PAYLOAD_BYTES,
  openSealed,
  sealFor,
} from './index.ts';

interface Vector {
  privateKey: string;
  context: Record<string, string>;
  payload: string;
  box: string;
}

let python: PythonPeer;
let intake: IntakeKeyPair;
let keys: Record<string, IntakeKeyPair>;
beforeAll(async () => {
  await ready();
  python = startPythonPeer();
  intake = generateIntakeKeyPair();
  keys = { [intake.kid]: intake };
});
afterAll(() => python.stop());

const context = { ownerId: 'user_1', credentialId: 'crd_1', provider: 'hetzner', purpose: 'first-use' };
const text = (sealed: { kid: string; box: string }, expected: Record<string, string> = context) =>
  openSealed(keys, sealed, expected).use((value) => value);
/** What anybody may do: seal any bytes for the public key. */
const sealRaw = (content: string) => ({
  kid: intake.kid,
  box: toBase64Url(sodium().crypto_box_seal(sodium().pad(utf8(content), 256), intake.publicKey)),
});

describe('a sealed credential', () => {
  it('opens with the private key, for the context it was sealed for', () => {
    expect(text(sealFor(intake, context, 'token ü€😀'))).toBe('token ü€😀');
    expect(text(sealFor(intake, context, secret('')))).toBe('');
    expect(`${openSealed(keys, sealFor(intake, context, 'x'), context)}`).toBe('[redacted]');
  });

  it('is sealed with the public key alone, never twice the same, and tells nothing of its length', () => {
    const { kid, publicKey } = intake;
    const [one, other] = [
      sealFor({ kid, publicKey }, context, 'a'),
      sealFor({ kid, publicKey }, context, 'ab'),
    ];
    expect(one.box).not.toBe(sealFor({ kid, publicKey }, context, 'a').box);
    expect(one.box.length).toBe(other.box.length);
    expect((fromBase64Url(one.box).length - 48) % 256).toBe(0);
  });

  it.each(['ownerId', 'credentialId', 'provider', 'purpose'] as const)(
    'of another %s is refused by name',
    (field) => {
      const other = 'not-to-be-shown';
      const error = expectCode('sealed_context_mismatch', () =>
        text(sealFor(intake, { ...context, [field]: other }, 'token')),
      );
      expect(error.detail.field).toBe(field);
      expect(error.message).toContain(field);
      expect(error.message + error.fix).not.toContain(other);
      expect(error.message + error.fix).not.toContain(context[field]);
    },
  );

  it('with a field missing or too many is refused', () => {
    const { purpose: _, ...fewer } = context;
    const missing = expectCode('sealed_context_mismatch', () => text(sealFor(intake, fewer, 'token')));
    expect(missing.detail.field).toBe('purpose');
    const more = sealFor(intake, { ...context, stranger: 'x' }, 'token');
    const error = expectCode('sealed_context_mismatch', () => text(more));
    expect(error.message).not.toContain('stranger');
    // A name of Object.prototype is a field like any other.
    expectCode('sealed_context_mismatch', () =>
      text(sealFor(intake, context, 'x'), { ...context, toString: 'x' }),
    );
  });

  it('with any byte altered is refused', () => {
    const { kid, box } = sealFor(intake, context, 'token');
    const bytes = fromBase64Url(box);
    for (let index = 0; index < bytes.length; index += 1) {
      const altered = { kid, box: toBase64Url(flip(bytes, index, index % 8)) };
      // X25519 ignores the top bit of a public key, but the nonce is a hash of all of it.
      expectCode('sealed_box_tampered', () => text(altered));
    }
    // A cut one is too short to be ours, or does not authenticate.
    expectCode('sealed_box_malformed', () => text({ kid, box: toBase64Url(bytes.slice(0, -1)) }));
    const long = fromBase64Url(sealFor(intake, context, 'x'.repeat(300)).box);
    expectCode('sealed_box_tampered', () => text({ kid, box: toBase64Url(long.slice(0, -1)) }));
  });

  it('for another key is told apart from an altered one where the key id says so', () => {
    const other = generateIntakeKeyPair();
    expectCode('sealed_key_unknown', () => text(sealFor(other, context, 'token')));
    expectCode('sealed_key_unknown', () => text({ ...sealFor(intake, context, 'token'), kid: 'toString' }));
    expectCode('sealed_box_tampered', () => text(sealFor({ ...other, kid: intake.kid }, context, 'token')));
  });

  it.each<[string, unknown]>([
    ['nothing', null],
    ['no key id', { box: 'AAAA' }],
    ['a key id too long', { kid: 'k'.repeat(65), box: 'A'.repeat(500) }],
    ['no box', { kid: 'k' }],
    ['padding', { kid: 'k', box: `${'A'.repeat(503)}=` }],
    ['too few bytes', { kid: 'k', box: 'AAAA' }],
    ['too many bytes', { kid: 'k', box: 'A'.repeat(1_000_000) }],
  ])('is malformed with %s', (_, sealed) => {
    expectCode('sealed_box_malformed', () => text(sealed as { kid: string; box: string }));
  });

  it.each([
    'not json',
    '[]',
    'null',
    '{}',
    '{"context":{"a":"b"}}',
    '{"context":{"a":1},"payload":"x"}',
    '{"context":[],"payload":"x"}',
    '{"context":{},"payload":"x"}',
    '{"context":{"a":"b"},"payload":{}}',
    JSON.stringify({ context: { a: 'b' }, payload: 'x'.repeat(MAX_PAYLOAD_BYTES + 1) }),
  ])('with content of a stranger is malformed: %#', (content) => {
    expectCode('sealed_box_malformed', () => text(sealRaw(content)));
  });

  it('without padding is malformed', () => {
    const box = toBase64Url(sodium().crypto_box_seal(new Uint8Array(512), intake.publicKey));
    expectCode('sealed_box_malformed', () => text({ kid: intake.kid, box }));
  });

  it('holds 64 KiB and no more, counted in UTF-8, even where JSON makes it six times that', () => {
    const most = '\u0001'.repeat(MAX_PAYLOAD_BYTES);
    expect(text(sealFor(intake, context, most)) === most).toBe(true);
    expectCode('sealed_payload_too_large', () => sealFor(intake, context, `${most}x`));
    expectCode('sealed_payload_too_large', () =>
      sealFor(intake, context, 'ü'.repeat(MAX_PAYLOAD_BYTES / 2 + 1)),
    );
  });

  it('is not made with an unusable context or key', () => {
    expectCode('input_invalid', () => sealFor(intake, {}, 'x'));
    expectCode('input_invalid', () => sealFor(intake, { ownerId: '' }, 'x'));
    expectCode('input_invalid', () => sealFor(intake, { ownerId: 'x'.repeat(257) }, 'x'));
    expectCode('input_invalid', () => sealFor({ kid: 'k', publicKey: new Uint8Array(31) }, context, 'x'));
  });

  it('has a key id that follows from the key', () => {
    const again = intakeKeyPairFromPrivateKey(intake.privateKey);
    expect(again.kid).toBe(intake.kid);
    expect(again.kid).toMatch(/^ik_[\w-]{16}$/);
    expect(
      openSealed({ [again.kid]: again }, sealFor(intake, context, 'x'), context).use((value) => value),
    ).toBe('x');
  });
});

describe('against PyNaCl', () => {
  it.each([0, 1])('opens fixed vector %#', (index) => {
    const vector = readVectors<Vector>('sealed.json')[index];
    if (!vector) throw new Error('no such vector');
    const pair = intakeKeyPairFromPrivateKey(unhex(vector.privateKey));
    const sealed = { kid: pair.kid, box: vector.box };
    expect(openSealed({ [pair.kid]: pair }, sealed, vector.context).use((value) => value)).toBe(
      vector.payload,
    );
  });

  it('each opens what the other sealed', async () => {
    const content = JSON.stringify({ context, payload: 'from Python' });
    const box = await python.call('sealed_box_make', { public_key: hex(intake.publicKey), content });
    expect(text({ kid: intake.kid, box: toBase64Url(unhex(box)) })).toBe('from Python');
    const ours = fromBase64Url(sealFor(intake, context, 'from us').box);
    const opened = await python.call('sealed_box_open', {
      private_key: intake.privateKey.use(hex),
      box: hex(ours),
    });
    expect(JSON.parse(Buffer.from(opened, 'hex').toString())).toEqual({ context, payload: 'from us' });
  });
});
