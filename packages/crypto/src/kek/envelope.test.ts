import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectCode, flip } from '../../test/expect-code.ts';
import { hex, type PythonPeer, startPythonPeer, unhex } from '../../test/python-peer.ts';
import { readVectors } from '../../test/vectors.ts';
import { randomBytes, utf8 } from '../bytes.ts';
import { fromBase64Url, toBase64Url } from '../encoding.ts';
import { type Envelope, type KeyRing, MAX_ENVELOPE_PLAINTEXT_BYTES } from '../envelope/index.ts';
import { secret } from '../secret.ts';
import { ready } from '../sodium.ts';
import { createKeyRing, openEnvelope, rewrapEnvelope, sealEnvelope } from './index.ts';

interface Vector {
  master: string;
  plaintext: string;
  envelope: Envelope;
}

let python: PythonPeer;
let masters: [Uint8Array, Uint8Array];
let first: KeyRing;
let both: KeyRing;
let second: KeyRing;
beforeAll(async () => {
  await ready();
  python = startPythonPeer();
  masters = [randomBytes(32), randomBytes(32)];
  first = createKeyRing({ versions: { 1: masters[0] } });
  both = createKeyRing({ versions: { 1: secret(masters[0]), 2: masters[1] } });
  second = createKeyRing({ versions: { 2: masters[1] } });
});
afterAll(() => python.stop());

const where = { owner: 'user_1', record: 'crd_1', field: 'secret' };
const token = 'a cloud token';
const seal = (ring: KeyRing) => sealEnvelope(ring, where, utf8(token));
const open = (ring: KeyRing, envelope: Envelope, expected = where) =>
  openEnvelope(ring, expected, envelope).use((bytes) => new TextDecoder().decode(bytes));
const altered = (text: string, index: number) => toBase64Url(flip(fromBase64Url(text), index, index % 8));

describe('an envelope', () => {
  it('opens where it belongs, and holds nothing readable', () => {
    const envelope = seal(both);
    expect(open(both, envelope)).toBe(token);
    expect(envelope).toMatchObject({ v: 1, kek: 2, ...where });
    expect(JSON.stringify(envelope)).not.toContain(token);
    expect(open(both, JSON.parse(JSON.stringify(envelope)))).toBe(token);
    expect(open(first, sealEnvelope(first, where, secret(new Uint8Array(0))))).toBe('');
    expect(`${openEnvelope(both, where, envelope)}`).toBe('[redacted]');
  });

  it('has a data key and nonces of its own each time', () => {
    const [one, other] = [seal(first), seal(first)];
    expect(one.wrappedKey.slice(0, 32)).not.toBe(other.wrappedKey.slice(0, 32));
    expect(one.ciphertext.slice(0, 32)).not.toBe(other.ciphertext.slice(0, 32));
    // The other's data key does not open this content, although everything bound is the same.
    expectCode('ciphertext_tampered', () => open(first, { ...one, wrappedKey: other.wrappedKey }));
  });

  it('wipes the data key, whether sealing, opening or re-wrapping', () => {
    const seen: Uint8Array[] = [];
    const watched: KeyRing = {
      ...both,
      wrap: (version, key, data) => {
        seen.push(key);
        return both.wrap(version, key, data);
      },
      unwrap: (version, wrapped, data) => {
        const key = both.unwrap(version, wrapped, data);
        seen.push(key);
        return key;
      },
    };
    const old = seal(first);
    open(watched, seal(watched));
    rewrapEnvelope(watched, old);
    expectCode('ciphertext_tampered', () =>
      open(watched, { ...old, ciphertext: altered(old.ciphertext, 30) }),
    );
    // seal, open, re-wrap (out and in), open of the altered one
    expect(seen).toHaveLength(5);
    for (const key of seen) expect([...key]).toEqual(new Array(32).fill(0));
  });
});

describe('every byte flipped gives exactly its error', () => {
  it('in the wrapped key: nonce, key and tag', () => {
    const envelope = seal(both);
    const length = fromBase64Url(envelope.wrappedKey).length;
    expect(length).toBe(24 + 32 + 16);
    for (let index = 0; index < length; index += 1) {
      const error = { ...envelope, wrappedKey: altered(envelope.wrappedKey, index) };
      expectCode('data_key_tampered', () => open(both, error));
      expectCode('data_key_tampered', () =>
        rewrapEnvelope(both, { ...seal(first), wrappedKey: error.wrappedKey }),
      );
    }
  });

  it('in the content: nonce, ciphertext and tag', () => {
    const envelope = seal(both);
    const length = fromBase64Url(envelope.ciphertext).length;
    expect(length).toBe(24 + utf8(token).length + 16);
    for (let index = 0; index < length; index += 1) {
      const error = { ...envelope, ciphertext: altered(envelope.ciphertext, index) };
      expectCode('ciphertext_tampered', () => open(both, error));
    }
  });

  it.each(['owner', 'record', 'field'] as const)('in the %s, whichever byte', (name) => {
    const envelope = seal(both);
    for (let index = 0; index < where[name].length; index += 1) {
      const other = Buffer.from(flip(utf8(where[name]), index)).toString();
      const moved = { ...envelope, [name]: other };
      const mismatch = expectCode('envelope_context_mismatch', () => open(both, moved));
      expect(mismatch.detail.field).toBe(name);
      expect(mismatch.message).toContain(name);
      // And whoever changes the row's own column too meets the encryption itself.
      expectCode('data_key_tampered', () => open(both, moved, { ...where, [name]: other }));
    }
  });

  it('in the versions', () => {
    const envelope = seal(both);
    expectCode('data_key_tampered', () => open(both, { ...envelope, kek: 1 }));
    const error = expectCode('kek_unknown', () => open(both, { ...envelope, kek: 3 }));
    expect(error.detail.version).toBe(3);
    expect(error.message).toContain('3');
    for (let bit = 0; bit < 8; bit += 1) {
      const v = (1 ^ (1 << bit)) as 1;
      expectCode('envelope_version_unknown', () => open(both, { ...envelope, v }));
    }
  });

  it('in the text of the base64, which has one form only', () => {
    const envelope = seal(both);
    for (const name of ['wrappedKey', 'ciphertext'] as const) {
      const text = envelope[name];
      for (const bad of [`${text}=`, `${text} `, ` ${text}`, `${text.slice(0, -1)}+`]) {
        const error = expectCode('envelope_malformed', () => open(both, { ...envelope, [name]: bad }));
        expect(error.detail.field).toBe(name);
      }
    }
    // 24 + 13 + 16 bytes leave two bits of the last character that must be zero.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(envelope.ciphertext.at(-1) ?? '');
    expect(last % 4).toBe(0);
    const stray = envelope.ciphertext.slice(0, -1) + alphabet[last + 1];
    expectCode('envelope_malformed', () => open(both, { ...envelope, ciphertext: stray }));
  });
});

describe('a row moved to another owner', () => {
  it('is told apart from a damaged one', () => {
    const theirs = sealEnvelope(both, { ...where, owner: 'user_2' }, utf8('theirs'));
    const error = expectCode('envelope_context_mismatch', () => open(both, theirs));
    expect(error.detail.field).toBe('owner');
    expect(error.message).not.toContain('user_2');
  });

  it('does not open with its header rewritten, nor with halves of two rows', () => {
    const mine = seal(both);
    const theirs = sealEnvelope(both, { ...where, owner: 'user_2' }, utf8('theirs'));
    expectCode('data_key_tampered', () => open(both, { ...theirs, owner: 'user_1' }));
    expectCode('ciphertext_tampered', () => open(both, { ...mine, ciphertext: theirs.ciphertext }));
    expectCode('data_key_tampered', () => open(both, { ...mine, wrappedKey: theirs.wrappedKey }));
  });
});

describe('what is not an envelope', () => {
  it.each<[string, unknown]>([
    ['v', { v: '1' }],
    ['v', { v: undefined }],
    ['kek', { kek: 0 }],
    ['kek', { kek: 1.5 }],
    ['kek', { kek: '1' }],
    ['kek', { kek: 2 ** 32 }],
    ['owner', { owner: '' }],
    ['record', { record: 7 }],
    ['field', { field: 'x'.repeat(257) }],
    ['wrappedKey', { wrappedKey: toBytes(71) }],
    ['wrappedKey', { wrappedKey: toBytes(73) }],
    ['wrappedKey', { wrappedKey: null }],
    ['wrappedKey', { wrappedKey: new TextEncoder().encode(toBytes(72)) }],
    ['ciphertext', { ciphertext: toBytes(39) }],
    ['ciphertext', { ciphertext: toBytes(MAX_ENVELOPE_PLAINTEXT_BYTES + 41) }],
  ])('is malformed by its %s (%#)', (field, change) => {
    const envelope = { ...seal(both), ...(change as Partial<Envelope>) };
    expect(expectCode('envelope_malformed', () => open(both, envelope)).detail.field).toBe(field);
    expect(expectCode('envelope_malformed', () => rewrapEnvelope(both, envelope)).detail.field).toBe(field);
  });

  it('is not made either', () => {
    expectCode('input_invalid', () => sealEnvelope(both, { ...where, owner: '' }, utf8('x')));
    const most = new Uint8Array(MAX_ENVELOPE_PLAINTEXT_BYTES);
    expect(openEnvelope(both, where, sealEnvelope(both, where, most)).use((bytes) => bytes.length)).toBe(
      most.length,
    );
    const tooMuch = new Uint8Array(MAX_ENVELOPE_PLAINTEXT_BYTES + 1);
    expectCode('envelope_plaintext_too_large', () => sealEnvelope(both, where, tooMuch));
    expectCode('envelope_malformed', () => open(both, null as unknown as Envelope));
  });
});

describe('rotation', () => {
  it('re-wraps the data key and leaves the content as it is', () => {
    const old = seal(first);
    const fresh = rewrapEnvelope(both, old);
    expect(fresh).toEqual({ ...old, kek: 2, wrappedKey: fresh.wrappedKey });
    expect(fresh.wrappedKey).not.toBe(old.wrappedKey);
    expect(open(second, fresh)).toBe(token);
    expect(open(both, old)).toBe(token);
    expect(expectCode('kek_unknown', () => open(second, old)).detail.version).toBe(1);
    expect(expectCode('kek_unknown', () => rewrapEnvelope(second, old)).detail.version).toBe(1);
  });

  it('leaves a current envelope alone', () => {
    const current = seal(both);
    expect(rewrapEnvelope(both, current)).toBe(current);
  });

  it('has keys that serve one version each', () => {
    const same = createKeyRing({ versions: { 1: masters[0], 2: masters[0] } });
    expectCode('data_key_tampered', () => open(same, { ...seal(first), kek: 2 }));
    expect(both.current).toBe(2);
    expect(createKeyRing({ versions: { 10: masters[0], 9: masters[1] } }).versions).toEqual([9, 10]);
  });

  it('refuses keys and versions that are none, and forgets keys when told', () => {
    expectCode('input_invalid', () => createKeyRing({ versions: {} }));
    expectCode('input_invalid', () => createKeyRing({ versions: { 0: masters[0] } }));
    expectCode('input_invalid', () => createKeyRing({ versions: { 1: new Uint8Array(31) } }));
    const ring = createKeyRing({ versions: { 1: masters[0] } });
    const envelope = seal(ring);
    ring.wipe();
    expectCode('kek_unknown', () => open(ring, envelope));
    expect(JSON.stringify(ring)).toBe('{"current":1,"versions":[1]}');
  });
});

describe('against PyNaCl', () => {
  it.each([0, 1])('opens fixed vector %#', (index) => {
    const vector = readVectors<Vector>('envelope.json')[index];
    if (!vector) throw new Error('no such vector');
    const ring = createKeyRing({ versions: { [vector.envelope.kek]: unhex(vector.master) } });
    expect(open(ring, vector.envelope, vector.envelope as typeof where)).toBe(vector.plaintext);
  });

  it('Python opens what we sealed and what we re-wrapped', async () => {
    for (const [master, envelope] of [
      [masters[0], seal(first)],
      [masters[1], rewrapEnvelope(both, seal(first))],
    ] as const) {
      const { kek, owner, record, field } = envelope;
      const [wrapped, ciphertext] = [envelope.wrappedKey, envelope.ciphertext].map((t) =>
        hex(fromBase64Url(t)),
      );
      const args = { kek, owner, record, field, wrapped: wrapped ?? '', ciphertext: ciphertext ?? '' };
      expect(await python.call('envelope_open', { ...args, master: hex(master) })).toBe(hex(utf8(token)));
    }
  });
});

function toBytes(length: number): string {
  return Buffer.alloc(length).toString('base64url');
}
