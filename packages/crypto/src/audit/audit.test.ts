import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectCode } from '../../test/expect-code.ts';
import { lengthPrefixed } from '../bytes.ts';
import { ready } from '../sodium.ts';
import { brokenLink, canonicalJson, chainHash, chainStart } from './index.ts';

beforeAll(ready);

function chain(length: number) {
  const entries: { seq: number; action: string; detail: Record<string, unknown>; hash: string }[] = [];
  for (let seq = 1; seq <= length; seq += 1) {
    const entry = { seq, action: `did ${seq}`, detail: { b: 1, a: [seq, null] } };
    entries.push({ ...entry, hash: chainHash(entries.at(-1)?.hash ?? chainStart, entry) });
  }
  return entries;
}

describe('canonical JSON', () => {
  it('has one text for equal values', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'é"\n' }], a: undefined, Z: true })).toBe(
      '{"Z":true,"b":[1,{"c":"é\\"\\n","d":null}]}',
    );
    expect(canonicalJson({ x: 1, y: 2 })).toBe(canonicalJson({ y: 2, x: 1 }));
  });

  it('refuses what JSON has no word for', () => {
    expectCode('input_invalid', () => canonicalJson({ a: Number.NaN }));
    expectCode('input_invalid', () => canonicalJson(() => 1));
  });
});

describe('a hash chain', () => {
  it('is the BLAKE2b-256 of its documented text, whatever the order of the fields', () => {
    const entry = { seq: 1, action: 'x', detail: {} };
    const text = lengthPrefixed('claw.audit.v1', chainStart, '{"action":"x","detail":{},"seq":1}');
    const expected = execFileSync('b2sum', ['-l', '256'], { input: text }).toString().slice(0, 64);
    expect(chainHash(chainStart, entry)).toBe(expected);
    expect(chainHash(chainStart, { hash: 'f'.repeat(64), detail: {}, action: 'x', seq: 1 })).toBe(expected);
  });

  it('holds from its start and from any entry known before', () => {
    const entries = chain(5);
    expect(brokenLink(entries)).toBeNull();
    expect(brokenLink(entries.slice(3), entries[2])).toBeNull();
    expect(brokenLink([])).toBeNull();
  });

  it('shows where an entry was changed, taken out, put in or moved', () => {
    const entries = chain(5);
    const changed = entries.map((entry) => (entry.seq === 3 ? { ...entry, action: 'nothing' } : entry));
    expect(brokenLink(changed)).toBe(3);
    expect(brokenLink(entries.filter(({ seq }) => seq !== 3))).toBe(4);
    expect(brokenLink(entries.slice(1))).toBe(2);
    expect(brokenLink([...entries.slice(0, 2), ...entries.slice(1)])).toBe(2);
    const other = chain(3).map((entry) => ({ ...entry, detail: { b: 2 } }));
    expect(brokenLink(other, entries[0])).toBe(1);
  });
});
