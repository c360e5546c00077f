import { ready } from '@claw-cloud/crypto';
import { chainHash, chainStart } from '@claw-cloud/crypto/audit';
import { beforeAll, expect, test } from 'vitest';
import { verifyAuditChain } from './audit.ts';

beforeAll(ready);

const at = '2026-11-25T12:00:00.000Z';
function chain(length: number) {
  const entries: { seq: number; hash: string; detail: { n: number } }[] = [];
  for (let seq = 1; seq <= length; seq += 1) {
    const said = { seq, at, actor: 'agent', action: 'x', outcome: 'allowed', detail: { n: seq } };
    entries.push({ ...said, hash: chainHash(entries.at(-1)?.hash ?? chainStart, said) });
  }
  return entries;
}

test('a whole chain, one that goes on from a known entry, and one whose beginning was dropped all hold', async () => {
  const entries = chain(6);
  const newest = { seq: 6, hash: entries[5]?.hash };
  expect(await verifyAuditChain(entries)).toEqual({ ok: true, newest });
  expect(await verifyAuditChain(entries.slice(3), entries[2])).toEqual({ ok: true, newest });
  expect(await verifyAuditChain(entries.slice(2))).toEqual({ ok: true, newest });
  expect(await verifyAuditChain([], entries[5])).toMatchObject({ ok: true, newest });
});

test('a changed entry, a missing one and a chain written anew do not', async () => {
  const entries = chain(6);
  const changed = entries.map((entry) => (entry.seq === 4 ? { ...entry, detail: { n: 0 } } : entry));
  expect(await verifyAuditChain(changed)).toEqual({ ok: false, seq: 4 });
  expect(await verifyAuditChain(entries.filter(({ seq }) => seq !== 4))).toEqual({ ok: false, seq: 5 });
  const known = { seq: 2, hash: 'f'.repeat(64) };
  expect(await verifyAuditChain(entries.slice(2), known)).toEqual({ ok: false, seq: 3 });
});
